"""Whether a host can take a deploy, from one look at it."""

from __future__ import annotations

from collections.abc import Mapping

from remote.errors import RemoteError
from remote.service import State

MINIMUM_FREE = 256 * 1024 * 1024  # bytes: below this an image of any use does not fit


def require(host: str, state: State) -> None:
    """Raises RemoteError with the first thing that would make a deploy fail."""
    facts = state.facts
    missing = [
        name
        for name, there in (("Docker", facts.docker), ("nginx", facts.nginx_active))
        if not there
    ]
    if missing:
        raise RemoteError(
            host,
            f"{' and '.join(missing)} not running on this host; nothing was changed",
            next_step="inv setup --env NAME; or systemctl status docker nginx on the host",
        )
    for disk in facts.disks:
        if disk.free_bytes < MINIMUM_FREE:
            raise RemoteError(
                host,
                f"only {disk.free_bytes // 2**20} MB free under {disk.path}; nothing was changed",
                next_step="free some space: docker system df tells what uses it",
            )


def describe(states: Mapping[str, State]) -> str:
    """What is live, in a few words."""
    lives = {state.live for state in states.values()}
    if len(lives) > 1:
        seen = ", ".join(f"{name}: release {state.live.release}" for name, state in states.items())
        return f"the hosts differ ({seen})"
    (live,) = lives
    return f"live: release {live.release} in {live.slot}" if live.slot else "nothing deployed yet"
