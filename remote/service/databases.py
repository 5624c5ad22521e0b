"""Which database the releases of a service have decided on, as their starts have written it beside the data."""

from __future__ import annotations

from dataclasses import dataclass

from .. import record
from ..command import script
from ..layout import Layout
from ..question import Question, question

MODES = ("postgres_only", "sqlite_only")


@dataclass(frozen=True)
class Database:
    """`mode` is postgres_only or sqlite_only; `since` in epoch seconds of the host's clock."""

    mode: str = ""
    since: int = 0
    reason: str = ""


def query(layout: Layout) -> Question[dict[int, Database]]:
    """Which database each release uses, by the release's number."""
    command = script("databases", layout.base).as_root().called("read which database is used")
    return question(command, parse)


def parse(text: str) -> dict[int, Database]:
    """By release; a line that was cut short, or was edited, is passed over."""
    found = {}
    for line in text.splitlines():
        number, _, rest = line.partition(" ")
        database = record.parse(Database, rest)
        if database and database.mode in MODES and number.isdecimal():
            found[int(number)] = database
    return found
