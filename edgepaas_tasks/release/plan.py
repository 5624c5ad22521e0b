"""What a deploy is going to do, told before it does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import other
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import difference
from edgepaas_tasks.variables.difference import Change


@dataclass(frozen=True)
class Plan:
    """What a deploy would do. `origins` tells where each variable's value comes from.

    `image` is somebody else's that would be deployed, empty where one would be built. `live` has the versions that are
    live, `changes` the variables that differ from theirs, where these were asked for; both by host.
    """

    version: str
    image: str
    number: int
    before: Mapping[str, Live]
    slots: Mapping[str, str]
    origins: Mapping[str, str]
    live: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Sequence[Change]] = field(default_factory=dict)


def plan(version: str, image: str, values: Resolution, states: Mapping[str, State]) -> Plan:
    """From what was seen of the hosts; the variables that are live on them are not asked for."""
    before = {name: state.live for name, state in states.items()}
    kept = {name: state.releases.get(state.live.release) for name, state in states.items()}
    return Plan(
        version=version,
        image=image,
        number=max(state.next_release for state in states.values()),
        before=before,
        slots={name: other(live.slot) for name, live in before.items()},
        origins={name: value.origin for name, value in values.values.items()},
        live={name: release.version for name, release in kept.items() if release},
    )


def changes(
    service: Service, hosts: Sequence[Host], values: Resolution, before: Mapping[str, Live]
) -> Mapping[str, Sequence[Change]]:
    """What changes of the variables, by host; nothing of any host where an environment was edited by hand."""
    try:
        return difference.from_live(service, hosts, values, before)
    except Refused:
        return {}
