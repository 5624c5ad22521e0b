"""A doctor that only looks: this machine, every host, and what lies between them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from edgepaas_tasks.fleet import connectivity, machine
from edgepaas_tasks.images import image
from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine import docker
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.remote.service import lease
from edgepaas_tasks.remote.service import state as host_state
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service import inventory
from edgepaas_tasks.service.readiness import BLOCKER, MB, MINIMUM_FREE, OK, WARNING, Check, checks
from edgepaas_tasks.service.service import Service


def preflight(
    service: Service, hosts: Sequence[Host], *, builds: bool = True, now: float | None = None
) -> list[Check]:
    """Every check of this machine and of each host; a host that does not answer is one of the answers."""
    with ThreadPoolExecutor(1) as aside:
        # This machine's own checks take as long as a host's, and neither waits for the other.
        variables = machine.variables(service)
        here = aside.submit(lambda: list(machine.checks(service, builds=builds)))
        query = host_state.query(service.layout, service.volume)
        leases = lease.query(service.layout)
        answers, errors = attempt(hosts, lambda host: host.ask(query, leases))
        states = {name: state for name, (state, _) in answers.items()}
        found = here.result()
    built = machine.built(service)
    found += [machine.architecture(states), variables[0]]
    for host in hosts:
        if host.name in errors:
            found.append(_unreachable(host.name, errors[host.name]))
            continue
        state = states[host.name]
        found.append(Check(host.name, "ssh", OK, f"logged in as {_user(state)}, sudo works"))
        instant = time.time() if now is None else now
        found += checks(service, host.name, state, now=instant, need=_need(state, built))
        found.append(_lease(host.name, answers[host.name][1]))
        found += _names(service, host.name, state)
    found += connectivity.probe(service, hosts, states, variables[1])
    return found


def _unreachable(host: str, error: Exception) -> Check:
    if isinstance(error, RemoteError):
        said = f"{error.problem} ({error.got})" if error.got else error.problem
        return Check(host, "ssh", BLOCKER, said, error.next_step)
    return Check(host, "ssh", BLOCKER, str(error))


def _user(state: State) -> str:
    return state.facts.login or state.facts.user or "?"


def _need(state: State, built: image.Image | None) -> int:
    if built is None or built.id in state.images:
        return MINIMUM_FREE
    if docker.shared_layers(built.layers, state.images.values()):
        return MINIMUM_FREE
    # Once as sent, once unpacked.
    return 2 * built.size + 64 * MB


def _lease(host: str, held: lease.Held | None) -> Check:
    if held is None or (not held.left and held.state != lease.BUSY):
        return Check(host, "lease", OK, "free")
    if held.alive:
        next_step = "wait for it, or deploy with --wait SECONDS"
        return Check(host, "lease", BLOCKER, f"held by {held}", next_step)
    if held.orphaned:
        return Check(host, "lease", OK, f"left by {held.holder}, whose process has ended")
    return Check(host, "lease", WARNING, f"left by {held}", "a deploy waits for its end by itself")


def _names(service: Service, host: str, state: State) -> Iterator[Check]:
    """Whether the service's names lead to this host; they may lead to a balancer in front of it."""
    address = next(
        (one.address for one in inventory.targets(service.settings) if one.name == host), host
    )
    for name in service.site.names:
        theirs, ours = _resolved(name), {*state.facts.addresses, *_resolved(address)}
        if not theirs:
            yield Check(host, "dns", WARNING, f"{name} does not resolve", "set its DNS record")
        elif theirs & ours:
            yield Check(host, "dns", OK, f"{name} leads here")
        else:
            found = f"{name} leads to {', '.join(sorted(theirs))}, not to this host"
            yield Check(host, "dns", WARNING, found, "right if a load balancer is in front")


def _resolved(name: str) -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(name, None)}
    except OSError:
        return set()
