"""How long ago something was."""

from __future__ import annotations

import time


def age(since: int) -> str:
    """How long ago `since` (epoch seconds) was, in one unit; "unknown" for 0."""
    if not since:
        return "unknown"
    seconds = max(0, int(time.time()) - since)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
