"""A deploy that only looks."""

from __future__ import annotations

from collections.abc import Sequence

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.release import ancestry
from edgepaas_tasks.release.plan import Plan, plan
from edgepaas_tasks.release.request import Request, resolve
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import state as host_state
from edgepaas_tasks.service import readiness
from edgepaas_tasks.service.service import Service


def rehearse(service: Service, hosts: Sequence[Host], progress: Progress, request: Request) -> Plan:
    """Everything that a deploy would find out, and nothing that it would change: not even the lease is taken."""
    version, values = resolve(service, progress, request)
    with progress.phase("look") as phase:
        query = host_state.query(service.layout, service.volume)
        states = on_each(hosts, lambda host: host.ask(query))
        for name, state in states.items():
            readiness.require(service, name, state)
        phase.outcome = readiness.describe(states)
    ancestry.require(service, version, states, progress, allow_older=request.allow_older)
    return plan(version.text, request.image, values, states)
