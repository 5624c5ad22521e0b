"""What the hosts keep and do not need: by the ledger, and what transfers left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import leftovers, releases
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service


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
