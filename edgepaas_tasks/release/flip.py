"""Traffic moved to what runs in the other slot."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.lease.lease import hold_lease
from edgepaas_tasks.release import traffic
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import other
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service


@dataclass(frozen=True)
class Flipped:
    """Where each host's flag leads after a flip."""

    after: Mapping[str, Live]


def flip(
    service: Service, hosts: Sequence[Host], progress: Progress, slot: str, wait: float | None
) -> Flipped:
    """Move traffic to what is in the other slot. Raises Refused unless every host has a running release there."""
    begun = int(time.time())
    with hold_lease(service, hosts, progress, "nginx.flip", wait) as (lease, states):
        releases_there = {
            name: idle_release(service, name, state, slot) for name, state in states.items()
        }
        if len({release.number for release in releases_there.values()}) > 1:
            raise Refused("the hosts have different releases in that slot: use inv rollback --to N")
        release = next(iter(releases_there.values()))
        rollout = Rollout(service, hosts, states, lease.fence, release, "flip", begun)
        with progress.phase("flip") as phase:
            phase.outcome = traffic.flip(rollout)
    return Flipped({name: Live(there, release.number) for name, there in rollout.slots.items()})


def idle_release(service: Service, host: str, state: State, slot: str) -> Release:
    """The release that runs in the slot that is not live."""
    idle = other(state.live.slot)
    if slot and slot != idle:
        raise Refused(f"{host}: {slot} is live already (release {state.live.release})")
    container = state.containers.get(idle)
    if container is None or not container.running:
        raise Refused(
            f"{host}: nothing runs in {idle}",
            next_step="inv rollback starts the release before; inv deploy a new one",
        )
    if container.port not in (0, service.port(idle)):
        raise Refused(
            f"{host}: what is in {idle} runs on port {container.port}, the settings say {service.port(idle)}",
            next_step="inv rollback starts the release before anew; inv deploy a new one",
        )
    if container.release not in state.releases:
        raise Refused(f"{host}: release {container.release} in {idle} is not kept here")
    return state.releases[container.release]
