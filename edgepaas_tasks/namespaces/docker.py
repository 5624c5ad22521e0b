"""The engine and the containers of the hosts."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.boundary import ENV_HELP, say, task


@task(help={"env": ENV_HELP})
def ps(c: Any, env: str = "") -> None:
    """Show the service's containers on each host."""
    from edgepaas_tasks import report
    from edgepaas_tasks.commands import root as commands

    service, found = commands.status(c, env)
    say(report.containers(service, found))


@task(help={"env": ENV_HELP})
def install(c: Any, env: str = "") -> None:
    """Install and configure Docker where it is missing."""
    from edgepaas_tasks import setup
    from edgepaas_tasks.commands import root as commands

    say(commands.setup(c, env, parts=(setup.tools, setup.docker)))


ns = Collection("docker")
ns.add_task(ps, default=True)
ns.add_task(install)
