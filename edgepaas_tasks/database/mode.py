"""Which database the live release uses on each host, and what a new one may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgepaas_tasks.env.database import NONE, POSTGRES, SQLITE, TRYING
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.service.state import State

__all__ = ["NONE", "POSTGRES", "SQLITE", "TRYING", "Mode", "live", "require"]


@dataclass(frozen=True)
class Mode:
    """`mode` is postgres_only, sqlite_only, none, or "" where it is not known; `fallback`: Postgres was wished for."""

    mode: str = ""
    fallback: bool = False
    since: int = 0
    reason: str = ""

    @property
    def warning(self) -> str:
        """What an operator must see; "" when all is as it was wished for."""
        return f"on SQLite, not on Postgres: {self.reason}" if self.fallback else ""


def live(state: State) -> Mode:
    """Of the live release: what it has decided itself, or what it was told."""
    release = state.releases.get(state.live.release)
    if release is None:
        return Mode()
    if release.database != TRYING:
        return Mode(release.database)
    found = state.databases.get(release.number)
    if found is None:
        return Mode()
    return Mode(found.mode, found.mode == SQLITE, found.since, found.reason)


def require(states: Mapping[str, State], wanted: str, *, allow_fallback: bool) -> None:
    """Refuses to move users from Postgres to the rows, or none, of a SQLite file without being asked to."""
    for name, state in states.items():
        if wanted == SQLITE and live(state).mode == POSTGRES and not allow_fallback:
            raise Refused(
                f"{name}: the live release {state.live.release} is on Postgres, and this one would be on SQLite, "
                "without its rows; nothing was changed",
                next_step="set database.mode as it was; or --allow-fallback, if that is what you want",
            )
