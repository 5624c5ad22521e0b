"""A deploy that only looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.release import ancestry
from edgepaas_tasks.release.request import Request, resolve
from edgepaas_tasks.targets import readiness
from edgepaas_tasks.targets.service import Service
from remote import service as at
from remote.host import Host
from remote.layout import other
from remote.parallel import on_each
from remote.slots import Live


@dataclass(frozen=True)
class Plan:
    """What a deploy would do. `origins` tells where each variable's value comes from.

    `image` is somebody else's that would be deployed, empty where one would be built.
    """

    version: str
    image: str
    number: int
    before: Mapping[str, Live]
    slots: Mapping[str, str]
    origins: Mapping[str, str]


def rehearse(service: Service, hosts: Sequence[Host], progress: Progress, request: Request) -> Plan:
    """Everything that a deploy would find out, and nothing that it would change: not even the lease is taken."""
    version, values = resolve(service, progress, request)
    with progress.phase("look") as phase:
        looks = at.look(service.layout, service.volume)
        states = on_each(hosts, lambda host: at.parse(host.read(*looks)))
        for name, state in states.items():
            readiness.require(service, name, state)
        phase.outcome = readiness.describe(states)
    ancestry.require(service, version, states, progress, force=request.force_older)
    before = {name: state.live for name, state in states.items()}
    return Plan(
        version=version.text,
        image=request.image,
        number=max(state.next_release for state in states.values()),
        before=before,
        slots={name: other(live.slot) for name, live in before.items()},
        origins={name: value.origin for name, value in values.values.items()},
    )
