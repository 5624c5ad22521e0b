"""Who may change a host now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.lease.locks import Lock
    from edgepaas_tasks.remote.service.lease import Held


def locks(found: Sequence[Lock]) -> str:
    lines = []
    for one in found:
        if one.error or one.held is None:
            lines.append(one.error or f"{one.host}: free")
            continue
        state = "alive" if one.held.alive else "silent" if one.held.left else "over"
        lines.append(f"{one.host}: {state}, held by {one.held}")
        if not one.held.alive and one.held.left:
            lines.append(f"  anybody may take it in {one.held.left} s; or: inv lock.release")
    return "\n".join(lines)


def locks_json(found: Sequence[Lock]) -> dict[str, Any]:
    from edgepaas_tasks.remote.service.lease import BUSY

    return {
        "hosts": [
            {
                "host": one.host,
                "held": one.held is not None,
                "alive": one.held is not None and one.held.alive,
                "running": one.held is not None and one.held.state == BUSY,
                "holder": asdict(one.held.holder) if one.held and one.held.holder else None,
                "phase": one.held.phase if one.held else "",
                "quiet": one.held.quiet if one.held else 0,
                "left": one.held.left if one.held else 0,
                "error": one.error,
            }
            for one in found
        ]
    }


def released(found: Mapping[str, Held | None]) -> str:
    return "\n".join(
        f"{host}: released; it was held by {held}"
        if held and held.token
        else f"{host}: {held}: it ends by itself"
        if held
        else f"{host}: free already"
        for host, held in found.items()
    )
