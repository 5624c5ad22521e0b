"""The engine and the containers of the hosts."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, WAIT_HELP, say, task

VERSION_HELP = "Version to tag and show (default: BUILD_VERSION, else the commit)."


@task(help={"env": ENV_HELP})
def ps(c: Any, env: str = "") -> None:
    """Show the service's containers on each host."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.report import fleet as report

    service, found = commands.status(c, env)
    say(report.containers(service, found))


@task(help={"env": ENV_HELP})
def install(c: Any, env: str = "") -> None:
    """Install and configure Docker where it is missing."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.fleet import setup

    say(commands.setup(c, env, parts=(setup.tools, setup.docker)))


@task(
    help={
        "env": ENV_HELP,
        "version": VERSION_HELP,
        "no_cache": "Build every layer anew.",
        "pull": "Look for a newer base image.",
    }
)
def build(
    c: Any, env: str = "", version: str = "", no_cache: bool = False, pull: bool = False
) -> None:
    """Build the image on this machine."""
    from edgepaas_tasks.commands import docker as commands

    say(commands.build(c, env, asked=version, fresh=no_cache, pull=pull))


@task(
    help={
        "env": ENV_HELP,
        "version": VERSION_HELP,
        "image": "This image, pulled if need be, instead of building one.",
        "wait": WAIT_HELP,
    }
)
def push(c: Any, env: str = "", version: str = "", image: str = "", wait: str = "") -> None:
    """Bring the image to the hosts, and start nothing."""
    from edgepaas_tasks.commands import docker as commands
    from edgepaas_tasks.release.request import Request

    say(commands.push(c, env, Request(version, image), wait=wait))


@task(help={"env": ENV_HELP, "wait": WAIT_HELP})
def prune(c: Any, env: str = "", wait: str = "") -> None:
    """Remove old releases, and unneeded images."""
    from edgepaas_tasks.commands import docker as commands

    say(commands.prune(c, env, wait=wait))


ns = Collection("docker")
ns.add_task(ps, default=True)
ns.add_task(install)
ns.add_task(build)
ns.add_task(push)
ns.add_task(prune)
