"""Throw-away local hosts to try, test and rehearse deploys on."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import JSON_HELP, say, task

FOLDER_HELP = "Folder with the lab's state."


@task(
    help={
        "hosts": "How many hosts.",
        "system": "What new hosts run: debian, centos, amazon, or prepared: Debian with Docker and nginx.",
        "postgres": "With a Postgres server, over TLS.",
        "registry": "With a registry of images, over TLS, with a login.",
        "folder": FOLDER_HELP,
        "bare": "As a cloud gives them, without Docker and nginx.",
    }
)
def up(
    c: Any,
    hosts: str = "1",
    system: str = "debian",
    postgres: bool = False,
    registry: bool = False,
    folder: str = ".lab",
    bare: bool = False,
) -> None:
    """Start local hosts that behave like EC2 instances."""
    from edgepaas_tasks.commands import lab as commands

    say(commands.up(c, folder, hosts, system, postgres=postgres, registry=registry, bare=bare))


@task(help={"json": JSON_HELP, "folder": FOLDER_HELP})
def status(c: Any, json: bool = False, folder: str = ".lab") -> None:
    """Show the lab's hosts and their ports."""
    from edgepaas_tasks.commands import lab as commands
    from edgepaas_tasks.report import places as report

    found = commands.status(folder)
    say(jsons.dumps(found, indent=2) if json else report.lab(found))


@task(help={"folder": FOLDER_HELP, "images": "Remove the cached host images too."})
def down(c: Any, folder: str = ".lab", images: bool = False) -> None:
    """Remove the hosts and everything that belongs to them."""
    from edgepaas_tasks.commands import lab as commands

    say(commands.down(folder, images=images))


@task(
    help={
        "folder": FOLDER_HELP,
        "connections": "Keep-alive connections that the load generator holds.",
    }
)
def demo(c: Any, folder: str = ".lab", connections: str = "32") -> None:
    """Deploy twice to a lab, once under load."""
    from edgepaas_tasks.commands import lab as commands

    say(commands.demo(c, folder, connections))


ns = Collection("lab")
ns.add_task(status, default=True)
ns.add_task(up)
ns.add_task(down)
ns.add_task(demo)
