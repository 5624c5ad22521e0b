"""The proxy in front of the app."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, WAIT_HELP, say, task


@task(help={"env": ENV_HELP})
def status(c: Any, env: str = "") -> None:
    """Show which slot nginx routes to on each host."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.report import fleet as report

    service, found = commands.status(c, env)
    say(report.routes(service, found))


@task(
    help={
        "env": ENV_HELP,
        "slot": "blue or green (default: the one that is not live).",
        "wait": WAIT_HELP,
    }
)
def flip(c: Any, env: str = "", slot: str = "", wait: str = "") -> None:
    """Move traffic to the other slot, if it is healthy."""
    from edgepaas_tasks.commands import root as commands

    say(commands.flip(c, env, slot=slot, wait=wait))


@task(help={"env": ENV_HELP})
def install(c: Any, env: str = "") -> None:
    """Install nginx and take its default site away."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.fleet import setup

    say(commands.setup(c, env, parts=(setup.tools, setup.directories, setup.proxy)))


@task(help={"env": ENV_HELP})
def configure(c: Any, env: str = "") -> None:
    """Write our site, tested before it replaces the good one."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.fleet import setup

    say(commands.setup(c, env, parts=(setup.directories, setup.site)))


ns = Collection("nginx")
ns.add_task(status, default=True)
ns.add_task(flip)
ns.add_task(install)
ns.add_task(configure)
