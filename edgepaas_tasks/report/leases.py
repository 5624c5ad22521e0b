"""Who may change a host now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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


def released(found: Mapping[str, Held | None]) -> str:
    return "\n".join(
        f"{host}: released; it was held by {held}"
        if held and held.token
        else f"{host}: {held}: it ends by itself"
        if held
        else f"{host}: free already"
        for host, held in found.items()
    )
