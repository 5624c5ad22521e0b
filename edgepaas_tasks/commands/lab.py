"""What the tasks of the lab call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgepaas_tasks import report
from edgepaas_tasks.commands.options import number
from edgepaas_tasks.progress import Progress


def up(folder: str, count: str, system: str, *, postgres: bool) -> str:
    from edgepaas_tasks.lab import lifecycle

    wanted = int(number("hosts", count, least=1))
    with Progress("lab up") as progress, progress.phase("lab") as phase:
        state = lifecycle.up(
            Path(folder),
            wanted,
            lambda line: progress.step("lab", line),
            system=system,
            postgres=postgres,
        )
        phase.outcome = f"{len(state.hosts)} hosts"
    return report.lab(status(folder))


def status(folder: str) -> dict[str, Any]:
    from edgepaas_tasks.lab import lifecycle

    return lifecycle.status(Path(folder))


def down(folder: str, *, images: bool) -> str:
    from edgepaas_tasks.lab import lifecycle

    said: list[str] = []
    lifecycle.down(Path(folder), said.append, with_images=images)
    return "\n".join(said) or "there was no lab"


def demo(c: Any, folder: str, connections: str) -> str:
    from edgepaas_tasks import demo

    return demo.run(c, Path(folder), int(number("connections", connections, least=1)))
