"""Who deploys now: the lease of every host, shown, and broken where its holder is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt, on_each
from edgepaas_tasks.remote.service import lease
from edgepaas_tasks.remote.service.lease import Held
from edgepaas_tasks.service.service import Service


@dataclass(frozen=True)
class Lock:
    """The lease of one host; `held` is None when it is free. `error` when the host could not be asked."""

    host: str
    held: Held | None = None
    error: str = ""


def look(service: Service, hosts: Sequence[Host]) -> list[Lock]:
    """One round trip a host."""
    query = lease.query(service.layout)
    answers, errors = attempt(hosts, lambda host: host.ask(query))
    return [
        Lock(host.name, error=str(errors[host.name]))
        if host.name in errors
        else Lock(host.name, answers[host.name])
        for host in hosts
    ]


def release(
    service: Service, hosts: Sequence[Host], *, allow_live_holder: bool
) -> Mapping[str, Held | None]:
    """Break the lease on every host; returns whose it was. Raises Refused when a holder is alive, unless allowed."""
    query = lease.query(service.layout)
    found = on_each(hosts, lambda host: host.ask(query))
    alive = {name: held for name, held in found.items() if held is not None and held.alive}
    if alive and not allow_live_holder:
        name = service.settings.environment
        raise Refused(
            "\n".join(f"{host}: the lease is in use: {held}" for host, held in alive.items()),
            next_step=f"wait for it (inv lock.status --env {name}); or --allow-live-holder, "
            "which ends that deploy at its next step",
        )
    taken = [host for host in hosts if (held := found[host.name]) is not None and held.token]

    def break_(host: Host) -> None:
        held = found[host.name]
        assert held is not None
        host.change(lease.release(service.layout, held.token))

    on_each(taken, break_)
    return found
