"""What the hosts keep and no longer need, by the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepaas_tasks.targets.service import Service
from remote import releases
from remote.host import Host
from remote.parallel import on_each
from remote.service import State


def prune(
    service: Service, hosts: Sequence[Host], states: Mapping[str, State]
) -> Mapping[str, Sequence[str]]:
    """Remove old releases and the images that only they used; a line for each removed thing, by host."""

    def prune_one(host: Host) -> list[str]:
        state = states[host.name]
        command = releases.prune(
            service.layout,
            dict(state.releases),
            state.history,
            state.live.release,
            service.settings.keep_releases,
        )
        if command is None:
            return []
        return host.change(command)[-1].text.splitlines()

    return on_each(hosts, prune_one)
