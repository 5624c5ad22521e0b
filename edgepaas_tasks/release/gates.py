"""Releases that did not pass a gate, with what was found out about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.errors import CommandFailed, HostErrors
from edgepaas_tasks.remote.service.diagnosis import Diagnosis
from edgepaas_tasks.remote.service.releases import Release


@dataclass(frozen=True)
class Evidence:
    """What was found out about a release that failed on a host; `waited` has the last answers before that."""

    host: str
    slot: str
    found: Diagnosis
    waited: tuple[str, ...] = ()


class GateFailed(CommandFailed):
    """A release that did not pass a gate. `flipped_back` when it had traffic for a moment."""

    release: Release
    evidence: Evidence | None = None
    flipped_back = False


class Unfinished(Refused):
    """A release that is live and on record; `cause` came after that."""

    def __init__(self, release: Release, cause: Exception) -> None:
        super().__init__(
            f"release {release.number} ({release.version}) is live and on record; what comes after that failed:\n"
            f"{cause}",
            next_step="inv status; the next inv deploy drains and prunes what is left",
        )
        self.release, self.cause = release, cause


def failed(error: BaseException) -> Iterator[GateFailed]:
    """The gates that failed, of all hosts."""
    each = error.errors.values() if isinstance(error, HostErrors) else (error,)
    return (one for one in each if isinstance(one, GateFailed))
