"""Which database the releases of a service have decided on, as their starts have written it beside the data."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..command import Command, script
from ..layout import Layout


@dataclass(frozen=True)
class Database:
    """`mode` is postgres_only or sqlite_only; `since` in epoch seconds of the host's clock."""

    mode: str = ""
    since: int = 0
    reason: str = ""


def read(layout: Layout) -> Command:
    return script("databases", layout.base).as_root().called("read which database is used")


def parse(text: str) -> dict[int, Database]:
    """By release; a line that was cut short, or was edited, is passed over."""
    found = {}
    for line in text.splitlines():
        number, _, rest = line.partition(" ")
        try:
            data = json.loads(rest)
            found[int(number)] = Database(data["mode"], int(data["since"]), str(data["reason"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
