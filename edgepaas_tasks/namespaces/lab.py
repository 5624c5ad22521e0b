"""Throw-away local hosts to try, test and rehearse deploys on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import JSON_HELP, number

if TYPE_CHECKING:
    from pathlib import Path

FOLDER_HELP = "Folder with the lab's state; without it lab.folder of the settings."


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
    folder: str = "",
    bare: bool = False,
) -> None:
    """Start local hosts that behave like EC2 instances."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.lab import lifecycle
    from edgepaas_tasks.namespaces.setup import set_up
    from edgepaas_tasks.report import lab as report

    count = int(number("hosts", hosts, least=1))
    place = _folder(c, folder)
    wanted = lifecycle.Wanted(count, system, postgres=postgres, registry=registry)
    with Progress("lab up") as progress, progress.phase("lab") as phase:
        state = lifecycle.up(place, wanted, lambda line: progress.step("lab", line))
        phase.outcome = f"{len(state.hosts)} hosts"
    names = [] if bare else _environments(c, place)[:1]  # a call is about one environment
    done = [set_up(c, name) for name in names]
    say("\n".join([*done, report.lab(lifecycle.status(place), names)]))


@task(help={"json": JSON_HELP, "folder": FOLDER_HELP})
def status(c: Any, json: bool = False, folder: str = "") -> None:
    """Show the lab's hosts and their ports."""
    from edgepaas_tasks.lab import lifecycle
    from edgepaas_tasks.report import lab as report

    answer(report.lab, report.lab_json, lifecycle.status(_folder(c, folder)), json=json)


@task(help={"folder": FOLDER_HELP, "images": "Remove the cached host images too."})
def down(c: Any, folder: str = "", images: bool = False) -> None:
    """Remove the hosts and everything that belongs to them."""
    from edgepaas_tasks.lab import lifecycle

    said: list[str] = []
    lifecycle.down(_folder(c, folder), said.append, with_images=images)
    say("\n".join(said) or "there was no lab")


@task(
    help={
        "folder": FOLDER_HELP,
        "connections": "Keep-alive connections that the load generator holds.",
    }
)
def demo(c: Any, folder: str = "", connections: str = "32") -> None:
    """Deploy twice to a lab, once under load."""
    from edgepaas_tasks import demo

    say(demo.run(c, _folder(c, folder), int(number("connections", connections, least=1))))


def _folder(c: Any, given: str) -> Path:
    """The lab's folder: the given one, or that of the environments of invoke.yaml, the usual one first."""
    from pathlib import Path

    from edgepaas_tasks.console import places

    if given:
        return places.given(given)
    for name in _names(c):
        if folder := _lab(c, name).get("folder"):
            return Path(str(folder))
    return Path(".lab")


def _environments(c: Any, folder: Path) -> list[str]:
    """The environments of invoke.yaml, if there is one, whose hosts are those of the lab in this folder."""
    from pathlib import Path

    from edgepaas_tasks import settings

    found = []
    for name in _names(c):
        try:
            lab = settings.load(c.config.get("edgepaas", {}), name).lab
        except settings.SettingsError:
            continue  # whoever uses that environment is told
        if lab is not None and Path(lab.folder).resolve() == folder.resolve():
            found.append(name)
    return found


def _names(c: Any) -> list[str]:
    """The environments, the usual one first."""
    tree = c.config.get("edgepaas", {})
    usual = tree.get("default_env", "")
    return sorted(tree.get("environments", None) or {}, key=lambda name: (name != usual, name))


def _lab(c: Any, name: str) -> Mapping[str, Any]:
    """The `lab` settings of an environment, even if its other settings are invalid."""
    tree = c.config.get("edgepaas", {})
    own = tree.get("environments", {}).get(name, None) or {}
    found: dict[str, Any] = {}
    for one in (tree.get("lab", None), own.get("lab", None)):
        found.update(one or {})
    return found


ns = Collection("lab")
ns.add_task(status, default=True)
ns.add_task(up)
ns.add_task(down)
ns.add_task(demo)
