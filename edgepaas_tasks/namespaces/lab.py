"""Throw-away local hosts to try, test and rehearse deploys on."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import JSON_HELP, number

FOLDER_HELP = "Folder with the lab's state."


@task(
    help={
        "hosts": "How many hosts.",
        "system": "What new hosts run: debian, centos, amazon, or prepared: Debian with Docker and nginx.",
        "postgres": "With a Postgres server, over TLS.",
        "registry": "With a registry of images, over TLS, with a login.",
        "folder": FOLDER_HELP,
        "bare": "Leave hosts bare: no Docker, no nginx.",
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
    from pathlib import Path

    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.lab import lifecycle
    from edgepaas_tasks.namespaces.setup import set_up
    from edgepaas_tasks.report import lab as report

    count = int(number("hosts", hosts, least=1))
    wanted = lifecycle.Wanted(count, system, postgres=postgres, registry=registry)
    with Progress("lab up") as progress, progress.phase("lab") as phase:
        state = lifecycle.up(Path(folder), wanted, lambda line: progress.step("lab", line))
        phase.outcome = f"{len(state.hosts)} hosts"
    names = [] if bare else _environments(c, folder)[:1]  # a call is about one environment
    done = [set_up(c, name) for name in names]
    say("\n".join([*done, report.lab(lifecycle.status(Path(folder)), names)]))


@task(help={"json": JSON_HELP, "folder": FOLDER_HELP})
def status(c: Any, json: bool = False, folder: str = ".lab") -> None:
    """Show the lab's hosts and their ports."""
    from pathlib import Path

    from edgepaas_tasks.lab import lifecycle
    from edgepaas_tasks.report import lab as report

    answer(report.lab, report.lab_json, lifecycle.status(Path(folder)), json=json)


@task(help={"folder": FOLDER_HELP, "images": "Remove the cached host images too."})
def down(c: Any, folder: str = ".lab", images: bool = False) -> None:
    """Remove the hosts and everything that belongs to them."""
    from pathlib import Path

    from edgepaas_tasks.lab import lifecycle

    said: list[str] = []
    lifecycle.down(Path(folder), said.append, with_images=images)
    say("\n".join(said) or "there was no lab")


@task(
    help={
        "folder": FOLDER_HELP,
        "connections": "Keep-alive connections that the load generator holds.",
    }
)
def demo(c: Any, folder: str = ".lab", connections: str = "32") -> None:
    """Deploy twice to a lab, once under load."""
    from pathlib import Path

    from edgepaas_tasks import demo

    say(demo.run(c, Path(folder), int(number("connections", connections, least=1))))


def _environments(c: Any, folder: str) -> list[str]:
    """The environments of invoke.yaml, if there is one, whose hosts are those of the lab in this folder."""
    from pathlib import Path

    from edgepaas_tasks import settings

    tree = c.config.get("edgepaas", {})
    found = []
    usual = tree.get("default_env", "")
    for name in sorted(tree.get("environments", None) or {}, key=lambda name: name != usual):
        try:
            lab = settings.load(tree, name).lab
        except settings.SettingsError:
            continue  # whoever uses that environment is told
        if lab is not None and Path(lab.folder).resolve() == Path(folder).resolve():
            found.append(name)
    return found


ns = Collection("lab")
ns.add_task(status, default=True)
ns.add_task(up)
ns.add_task(down)
ns.add_task(demo)
