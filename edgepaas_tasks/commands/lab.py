"""What the tasks of the lab call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgepaas_tasks import settings
from edgepaas_tasks.commands import root
from edgepaas_tasks.commands.options import number
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.report import places as report


def up(
    c: Any, folder: str, count: str, system: str, *, postgres: bool, registry: bool, bare: bool
) -> str:
    """The hosts, and, unless they are to be bare, what `inv setup` makes of them for the project's environments."""
    from edgepaas_tasks.lab import lifecycle

    wanted = int(number("hosts", count, least=1))
    with Progress("lab up") as progress, progress.phase("lab") as phase:
        state = lifecycle.up(
            Path(folder),
            wanted,
            lambda line: progress.step("lab", line),
            system=system,
            postgres=postgres,
            registry=registry,
        )
        phase.outcome = f"{len(state.hosts)} hosts"
    names = [] if bare else _environments(c, folder)[:1]  # a call is about one environment
    done = [root.setup(c, name) for name in names]
    return "\n".join([*done, report.lab(status(folder), names)])


def status(folder: str) -> dict[str, Any]:
    from edgepaas_tasks.lab import lifecycle

    return lifecycle.status(Path(folder))


def down(folder: str, *, images: bool) -> str:
    from edgepaas_tasks.lab import lifecycle

    said: list[str] = []
    lifecycle.down(Path(folder), said.append, with_images=images)
    return "\n".join(said) or "there was no lab"


def _environments(c: Any, folder: str) -> list[str]:
    """The environments of invoke.yaml, if there is one, whose hosts are those of the lab in this folder."""
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


def demo(c: Any, folder: str, connections: str) -> str:
    from edgepaas_tasks import demo

    return demo.run(c, Path(folder), int(number("connections", connections, least=1)))
