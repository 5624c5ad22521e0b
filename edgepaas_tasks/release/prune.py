"""What the hosts keep and do not need: by the ledger, and what transfers left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepaas_tasks.targets.service import Service
from remote import leftovers, releases
from remote.host import Host
from remote.parallel import on_each
from remote.service import State


def prune(
    service: Service, hosts: Sequence[Host], states: Mapping[str, State]
) -> Mapping[str, Sequence[str]]:
    """Remove old releases, and images that no release needs; a line for each removed thing, by host."""

    def prune_one(host: Host) -> list[str]:
        state = states[host.name]
        ledger = releases.prune(
            service.layout,
            dict(state.releases),
            state.history,
            state.live.release,
            service.settings.keep_releases,
        )
        left = leftovers.remove(service.layout, service.settings.image_name)
        commands = (left,) if ledger is None else (ledger, left)
        return [line for result in host.change(*commands) for line in result.text.splitlines()]

    return on_each(hosts, prune_one)
