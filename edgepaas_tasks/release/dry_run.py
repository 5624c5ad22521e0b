"""What changing tasks would do: they look at the hosts as the tasks do, and change nothing, not even the lease.

Each answer has lines of text by host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.release import ancestry
from edgepaas_tasks.release.flip import idle_release
from edgepaas_tasks.release.plan import Plan, plan
from edgepaas_tasks.release.request import Request, resolve
from edgepaas_tasks.release.rollback import choose_release
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import other
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import releases
from edgepaas_tasks.remote.service import state as host_state
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service import readiness
from edgepaas_tasks.service.service import Service

Lines = Mapping[str, Sequence[str]]


def deploy(service: Service, hosts: Sequence[Host], progress: Progress, request: Request) -> Plan:
    """Everything that a deploy would find out."""
    version, values = resolve(service, progress, request)
    states = look(service, hosts, progress)
    ancestry.require(service, version, states, progress, allow_older=request.allow_older)
    return plan(version.text, request.image, values, states)


def rollback(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    to: int | None,
    *,
    allow_fallback: bool,
) -> Lines:
    """The release that a rollback would go to. Whether its image fits the database's schema is not asked."""
    states = look(service, hosts, progress)
    release = choose_release(states, to)
    modes.require(states, release.database, allow_fallback=allow_fallback)
    return {
        name: [
            f"would start release {release.number} ({release.version}) in {other(state.live.slot)}, "
            f"check it, move traffic to it, and drain release {state.live.release}"
        ]
        for name, state in states.items()
    }


def flip(service: Service, hosts: Sequence[Host], progress: Progress, slot: str) -> Lines:
    """Where traffic would go. Raises Refused where nothing runs in the other slot."""
    states = look(service, hosts, progress)
    there = {name: idle_release(service, name, state, slot) for name, state in states.items()}
    return {
        name: [
            f"would move traffic from {state.live.slot or 'nothing'} to {other(state.live.slot)}, "
            f"release {there[name].number} ({there[name].version})"
        ]
        for name, state in states.items()
    }


def use_database(
    service: Service, hosts: Sequence[Host], progress: Progress, database: str
) -> Lines:
    """Which hosts would change their database."""
    states = look(service, hosts, progress)
    on = {name: modes.live(state).mode for name, state in states.items()}
    return {
        name: [] if mode == database else [f"is on {mode or 'nothing'}, would be on {database}"]
        for name, mode in on.items()
    }


def prune(service: Service, hosts: Sequence[Host], progress: Progress) -> Lines:
    """Which releases and images would be removed; what transfers left is not looked for."""
    keep = service.settings.keep_releases
    lines = {}
    for name, state in look(service, hosts, progress).items():
        command = releases.prune(
            service.layout, dict(state.releases), state.history, state.live.release, keep
        )
        words = command.words[1:] if command is not None else ()
        lines[name] = [f"would remove {word.replace(':', ' ', 1)}" for word in words]
    return lines


def look(service: Service, hosts: Sequence[Host], progress: Progress) -> dict[str, State]:
    """Each host as it is. Raises Refused where a deploy would be refused."""
    with progress.phase("look") as phase:
        query = host_state.query(service.layout, service.volume)
        states = on_each(hosts, lambda host: host.ask(query))
        for name, state in states.items():
            readiness.require(service, name, state)
        phase.outcome = readiness.describe(states)
    return states
