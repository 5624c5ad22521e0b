"""What a task would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def lines(found: Mapping[str, Sequence[str]]) -> str:
    """The lines of each host; the last one says that nothing was changed."""
    told = []
    for host, each in found.items():
        told.append(f"{host}:" + ("" if each else " nothing to do"))
        told += [f"  {line}" for line in each]
    return "\n".join([*told, "nothing was changed"])
