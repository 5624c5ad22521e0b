"""Whether a host can take a deploy, from one look at it: the same checks for `inv preflight` and for a deploy."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgepaas_tasks.remote.errors import RemoteError, Unsupported
from edgepaas_tasks.remote.layout import SLOTS
from edgepaas_tasks.remote.machine import systems, volume
from edgepaas_tasks.remote.machine.facts import Disk, Facts
from edgepaas_tasks.remote.service import claims
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service import ports
from edgepaas_tasks.service.service import Service

OK, WARNING, BLOCKER, UNKNOWN = "ok", "warning", "blocker", "not checked"

MB = 2**20
MINIMUM_FREE = 256 * MB  # bytes: below this an image of any use does not fit
MINIMUM_INODES = 20_000  # an unpacked Python image has about 15,000 files (counted: python:3.11-slim with FastAPI)
SKEW = 5  # seconds; NTP keeps well within
OLDEST_ENGINE = (20, 10)


@dataclass(frozen=True)
class Check:
    """One question and its answer. `where` is a host's name, or this machine."""

    where: str
    name: str
    verdict: str
    found: str
    next_step: str = ""


def checks(
    service: Service, host: str, state: State, *, now: float, need: int = MINIMUM_FREE
) -> list[Check]:
    """Everything that one look can tell. `now` is this machine's clock, `need` the bytes that a deploy takes."""
    facts = state.facts
    setup = f"inv setup --env {service.settings.environment}"
    return [
        Check(host, *found)
        for found in (
            _system(host, facts),
            _engine(facts, setup),
            _restarts(facts, setup),
            _nginx(facts, setup),
            *_disks(facts, need),
            _memory(service, facts),
            *_ports(service, state),
            *_neighbours(service, state),
            _clock(facts, now),
            *_volume(service, state),
            *_postgres(facts),
        )
    ]


def require(service: Service, host: str, state: State) -> None:
    """Raises RemoteError with everything that would make a deploy fail."""
    # Room is made, or found lacking, when the size of what is to be sent is known.
    found = [
        check
        for check in checks(service, host, state, now=time.time())
        if check.verdict == BLOCKER and check.name != "disk"
    ]
    if found:
        raise RemoteError(
            host,
            "; ".join(check.found for check in found) + "; nothing was changed",
            next_step="; ".join(dict.fromkeys(check.next_step for check in found)),
        )


def describe(states: Mapping[str, State]) -> str:
    """What is live, in a few words."""
    lives = {state.live for state in states.values()}
    if len(lives) > 1:
        seen = ", ".join(f"{name}: release {state.live.release}" for name, state in states.items())
        return f"the hosts differ ({seen})"
    (live,) = lives
    return f"live: release {live.release} in {live.slot}" if live.slot else "nothing deployed yet"


def docker_disk(facts: Facts) -> Disk | None:
    """Where images go: Docker's own directory, or what it will be made on."""
    disks = {disk.path: disk for disk in facts.disks}
    return disks.get("/var/lib/docker") or disks.get("/")


Answer = tuple[str, str, str, str]


def _system(host: str, facts: Facts) -> Answer:
    name = f"{facts.os_name or facts.os}, {facts.arch}"
    try:
        row = systems.system(facts, host)
    except Unsupported as error:
        # What runs, runs: the table is about what setup can install.
        runs = facts.docker and facts.nginx_active
        return "system", WARNING if runs else BLOCKER, error.problem, error.next_step
    if row.warning:
        return "system", WARNING, row.warning, ""
    return "system", OK, name, ""


def _engine(facts: Facts, setup: str) -> Answer:
    if not facts.docker:
        said = "is installed and does not answer" if facts.engine else "is not running on this host"
        then = f"{setup}; or systemctl status docker on the host"
        return "docker", BLOCKER, f"Docker {said}", then
    version = tuple(int(part) for part in facts.docker.split(".")[:2] if part.isdigit())
    named = f"engine {facts.docker} ({facts.engine or 'unknown origin'}, {facts.docker_store})"
    if version < OLDEST_ENGINE:
        return "docker", BLOCKER, f"{named} is older than 20.10", "upgrade Docker on the host"
    if "/snap/" in facts.engine:
        return "docker", WARNING, f"{named}: a snap sees only parts of the disk", "use packages"
    return "docker", OK, named, ""


def _restarts(facts: Facts, setup: str) -> Answer:
    if not facts.docker:
        return "live-restore", UNKNOWN, "no engine", ""
    if not facts.live_restore:
        found = "containers end when the Docker daemon does: live-restore is off"
        return "live-restore", WARNING, found, setup
    return "live-restore", OK, "containers outlive the Docker daemon", ""


def _nginx(facts: Facts, setup: str) -> Answer:
    stopped = "nginx is not running on this host"
    if not facts.nginx:
        return "nginx", BLOCKER, stopped, setup
    if not facts.nginx_active and facts.nginx_broken:
        found = f"{stopped}, and its configuration is not valid: {facts.nginx_broken}"
        return "nginx", BLOCKER, found, "nginx -t on the host"
    if not facts.nginx_active:
        found = f"{stopped}; a deploy starts it"
        return "nginx", WARNING, found, "systemctl status nginx on the host tells why it stopped"
    if facts.nginx_broken:
        # It keeps serving with what it has read; a deploy that changes no site of ours does not touch it.
        found = f"nginx's configuration is not valid: {facts.nginx_broken}"
        return "nginx", WARNING, found, "nginx -t on the host"
    return "nginx", OK, f"nginx {facts.nginx}, its configuration is valid", ""


def _disks(facts: Facts, need: int) -> Iterator[Answer]:
    images = docker_disk(facts)
    then = "docker system df tells what uses it; or a larger volume"
    for disk in facts.disks:
        wanted = need if disk is images else MINIMUM_FREE // 4
        free = f"{disk.free_bytes // MB} MB free under {disk.path}"
        if disk.free_bytes < wanted:
            yield "disk", BLOCKER, f"only {free}, a deploy takes {wanted // MB} MB", then
        elif disk.free_inodes is not None and disk.free_inodes < MINIMUM_INODES:
            found = f"only {disk.free_inodes} inodes free under {disk.path}, an image takes {MINIMUM_INODES}"
            yield "disk", BLOCKER, found, then
        else:
            yield "disk", OK, free, ""


def _memory(service: Service, facts: Facts) -> Answer:
    two = 2 * _bytes(service.settings.container.memory)
    named = f"{facts.memory_total // MB} MB, {facts.memory_free // MB} MB available"
    if facts.memory_total < two:
        found = f"{named}: two containers may take {two // MB} MB during a deploy"
        return "memory", WARNING, found, "a smaller container.memory, or a larger host"
    return "memory", OK, named, ""


def _ports(service: Service, state: State) -> Iterator[Answer]:
    for slot in SLOTS:
        port = service.port(slot)
        public = [address for address in state.facts.listens_on(port) if not _is_loopback(address)]
        container = state.containers.get(slot)
        ours = container is not None and container.running and container.port in (0, port)
        moved = (
            ports.moved(service, state.live, state.containers) if slot == state.live.slot else None
        )
        if moved:
            yield f"port {port}", BLOCKER, *moved
        elif public:
            found = f"port {port} ({slot}) answers on a public address: {', '.join(public)}"
            yield f"port {port}", BLOCKER, found, "stop what listens there: ss -ltnp on the host"
        elif state.facts.docker_listens_on(port) and not ours:
            # It went down as it started a container: only another start of Docker frees that port.
            found = f"port {port} ({slot}) is kept by Docker, and not for a container of this service that runs"
            setup = f"inv setup --env {service.settings.environment}"
            then = f"docker ps on the host; where no container has it, {setup} frees it"
            yield f"port {port}", BLOCKER, found, then
        elif state.facts.listens_on(port) and not ours:
            found = f"port {port} ({slot}) is taken by something else"
            then = f"ss -ltnp on the host; or another edgepaas.slots.{slot}"
            yield f"port {port}", BLOCKER, found, then
        else:
            yield f"port {port}", OK, f"{slot}: {'our container' if ours else 'free'}", ""


def _neighbours(service: Service, state: State) -> Iterator[Answer]:
    """What another service of the host has: it was there first, and is left alone."""
    for one in claims.conflicts(service.site, state.others):
        yield (
            "neighbours",
            BLOCKER,
            f"{one.found} belongs to {one.service} on this host",
            f"change edgepaas.{one.setting}; or, where {one.service} is no more, remove "
            f"/etc/nginx/conf.d/edgepaas-{one.service}.conf there",
        )


def _clock(facts: Facts, now: float) -> Answer:
    skew = round(facts.clock - now)
    if abs(skew) <= SKEW:
        return "clock", OK, f"{abs(skew)} s apart", ""
    way = "ahead of" if skew > 0 else "behind"
    found = f"the host's clock is {abs(skew)} s {way} this machine's"
    return "clock", WARNING, found, "timedatectl on both; chronyd or systemd-timesyncd keeps it"


def _volume(service: Service, state: State) -> Iterator[Answer]:
    if service.volume is not None and state.volume is not None:
        good, found = volume.state(service.volume, state.volume)
        env = service.settings.environment
        then = f"inv volume.status --env {env}, then inv volume.setup --env {env}"
        yield "volume", OK if good else BLOCKER, found, "" if good else then
        if good and state.facts.docker_store not in ("overlay2", "", "btrfs", "zfs", "vfs"):
            found = f"images are in {state.facts.docker_store}, which is not on the volume"
            yield "volume", WARNING, found, 'docker.daemon: {"features": …} before the first image'


def _postgres(facts: Facts) -> Iterator[Answer]:
    if facts.listens_on(5432):
        found = "a Postgres server runs on this host; it is left alone, the app does not use it"
        yield "local postgres", WARNING, found, ""
    elif facts.postgres:
        found = f"parts of Postgres on this host ({', '.join(facts.postgres)}); left alone"
        yield "local postgres", OK, found, ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False  # "*": every address


def _bytes(text: str) -> int:
    return int(text[:-1]) << {"k": 10, "m": 20, "g": 30}[text[-1]]
