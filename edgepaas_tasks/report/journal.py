"""What was released on each host, and what of it is live or kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.fleet.journal import Journal
    from edgepaas_tasks.remote.service.releases import Entry
    from edgepaas_tasks.service.service import Service

LAST = 20  # entries shown of each host


def journals_json(service: Service, found: Sequence[Journal]) -> dict[str, Any]:
    return {
        "service": service.settings.service,
        "environment": service.settings.environment,
        "hosts": [
            {
                "host": one.host,
                "live": {"slot": one.live.slot, "release": one.live.release},
                "kept": sorted(one.kept),
                "releases": [asdict(entry) for entry in one.entries],
                "error": one.error,
            }
            for one in found
        ],
    }


def journals(service: Service, found: Sequence[Journal]) -> str:
    """The last entries of each journal; hosts with the same journal are shown together."""
    together: dict[Journal, list[str]] = {}
    for one in found:
        together.setdefault(replace(one, host=""), []).append(one.host)
    lines = []
    for one, names in together.items():
        lines.append(
            one.error or f"{', '.join(names)}:" + ("" if one.entries else " no release yet")
        )
        for index in range(max(0, len(one.entries) - LAST), len(one.entries)):
            lines += _line(one.entries[index], one.mark(index))
    return "\n".join(lines)


def _line(entry: Entry, mark: str) -> list[str]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at))
    parts = [
        f"  {mark:<4} {entry.release:>4}  {entry.result:<6}  {entry.action:<8}  {when}",
        f"{entry.seconds:5.0f} s  {entry.version}  by {entry.by}",
        f"image {entry.image.removeprefix('sha256:')[:12]}",
        *([f"commit {entry.commit[:12]}"] if entry.commit else []),
        *([f"schema {entry.schema}"] if entry.schema else []),
        *([f"variables {entry.environment[:12]}"] if entry.environment else []),
    ]
    reason = [f"{'':14}{entry.reason}"] if entry.reason else []
    return ["  ".join(parts), *reason]
