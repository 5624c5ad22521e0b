"""Releases that did not pass a gate, with what was found out about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remote.diagnosis import Diagnosis
from remote.errors import CommandFailed, HostErrors
from remote.releases import Release


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


def failed(error: BaseException) -> Iterator[GateFailed]:
    """The gates that failed, of all hosts."""
    each = error.errors.values() if isinstance(error, HostErrors) else (error,)
    return (one for one in each if isinstance(one, GateFailed))
