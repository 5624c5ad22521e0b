"""Whose migration scripts are asked: those of the live release, or of another one that a host has kept."""

from __future__ import annotations

from collections.abc import Sequence

from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.state import State


def chosen(state: State, host: str, number: int | None, environment: str) -> Release:
    """The release of that number, good or not; without one the live release. Raises Refused."""
    if number is None:
        return _live(state, host)
    there = _there(state)
    if number not in there:
        listed = ", ".join(map(str, sorted(there))) or "none"
        raise Refused(
            f"{host}: release {number}, or its image, is not kept here (kept: {listed})",
            next_step=f"inv releases --env {environment}; or deploy its code again",
        )
    return there[number]


def release_at_revision(state: State, at: Sequence[str]) -> int:
    """The number of a kept release that has left the database at these revisions; the live one if it did, else the
    newest; 0 for none."""
    left = {entry.release for entry in state.history if at and entry.schema == ", ".join(at)}
    found = left & _there(state).keys()
    return state.live.release if state.live.release in found else max(found, default=0)


def _live(state: State, host: str) -> Release:
    release = _there(state).get(state.live.release)
    if release is None:
        raise Refused(f"{host}: nothing is live yet, so there is no image to ask; inv deploy first")
    where = {modes.SQLITE: "is on SQLite", modes.NONE: "has database.mode none"}
    if without := where.get(modes.live(state).mode):
        raise Refused(f"{host}: the live release {without}: the app migrates its own database")
    return release


def _there(state: State) -> dict[int, Release]:
    """The releases whose image the host still has."""
    return {
        number: release
        for number, release in state.releases.items()
        if release.image in state.images
    }
