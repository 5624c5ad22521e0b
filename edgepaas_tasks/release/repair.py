"""Hosts that were left apart from the others, or on a release that nobody decided to keep: put back on one release.

A release is on record as good only when every host had baked it, so the newest such record on any host is what all of
them were meant to serve (`remote.releases.decided`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.fleet import status
from edgepaas_tasks.release import finish, prepare, traffic
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.batch import Fence
from edgepaas_tasks.remote.errors import HostErrors, RemoteError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import releases
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service


@dataclass(frozen=True)
class Settled:
    """The hosts as they are now. `rollout`: what was done; None when there was nothing to do.

    `undone`: a release was live somewhere that nobody had decided to keep.
    """

    states: dict[str, State]
    rollout: Rollout | None = None
    undone: bool = False


def settle(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    fence: Fence,
    states: dict[str, State],
) -> Settled:
    """Move every host that is on another release to the one that was decided for all, if it has kept that.

    Raises what any rollout raises; the hosts that could not be moved then serve what they served.
    """
    entry = releases.decided([state.history for state in states.values()])
    if entry is None:
        return Settled(states)
    number = entry.release
    astray = [host for host in hosts if _astray(states[host.name], number)]
    unrecorded = [
        host
        for host in hosts
        if host not in astray and _served_without_record(states[host.name], number)
    ]
    if not astray and not unrecorded:
        return Settled(states)
    release = (states[astray[0].name] if astray else states[unrecorded[0].name]).releases[number]
    chosen = {host.name: states[host.name] for host in astray}
    rollout = Rollout(service, astray, chosen, fence, release, "repair", int(time.time()))
    with progress.phase("repair") as phase:
        phase.outcome = f"release {number} is what was decided on: " + ", ".join(
            [
                *(f"{host.name} moved to it" for host in astray),
                *(f"{h.name} had it" for h in unrecorded),
            ]
        )
        if astray:
            prepare.restart(rollout)
            traffic.flip(rollout)
            finish.clear(rollout)
        line = releases.record(service.layout, rollout.entry(releases.GOOD))
        on_each(unrecorded, lambda host: host.change(line))
        moved = [*astray, *unrecorded]
        now = on_each(moved, lambda host: status.look(service, host))
    kept = {
        good.release
        for state in states.values()
        for good in state.history
        if good.result == releases.GOOD
    }
    undone = any(state.live.release not in kept for state in chosen.values() if state.live.slot)
    return Settled({**states, **now}, rollout, undone)


def attempt(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    fence: Fence,
    states: dict[str, State],
) -> Settled:
    """Like `settle`, before a new release that every host gets anyway: what cannot be repaired is a warning."""
    try:
        return settle(service, hosts, progress, fence, states)
    except (RemoteError, HostErrors, Refused) as error:
        progress.note(f"not repaired, the new release replaces it: {str(error).splitlines()[0]}")
        return Settled(states)


def _astray(state: State, number: int) -> bool:
    """It serves something else, or had not served anything yet when the others began to, and can serve this."""
    kept = state.releases.get(number)
    return kept is not None and kept.image in state.images and state.live.release != number


def _served_without_record(state: State, number: int) -> bool:
    last = releases.last_good(state.history)
    return state.live.release == number and (last is None or last.release != number)
