"""The two slots of a service: a container in each, and the link that says which one is live."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from ..command import Command, argv, script
from ..layout import SLOTS, Layout
from ..question import Question, question
from .nginx import Site
from .releases import Release

FOREIGN_DATA, NO_PYTHON, LIVE = 22, 23, 64
GATE, PUBLIC, LOST, TOLD, FULL = 30, 31, 32, 33, 35
# With these flip.sh leaves the flag where it was, or has put it back.
POINTED = (GATE, PUBLIC, LOST, TOLD, FULL)
BAKED = "baked"  # what flip.sh says on stderr when it wants to hear whether the release stays


@dataclass(frozen=True)
class Spec:
    """How the app's container runs. Times in seconds, sizes as docker writes them."""

    port: int
    memory: str
    stop_timeout: int
    data: str
    log_size: str
    log_files: int
    health_path: str
    health_timeout: int
    pids_limit: int
    capabilities: tuple[str, ...]
    new_privileges: bool

    def fingerprint(self, image: str, environment: str, port: int) -> str:
        text = json.dumps([asdict(self), image, environment, port], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Live:
    """Where the flag leads: slot and release, or none and 0 while nothing is deployed."""

    slot: str = ""
    release: int = 0

    @property
    def target(self) -> str:
        return f"slots/{self.slot or 'none'}/{self.release}"


@dataclass(frozen=True)
class Container:
    """One container of the service, as Docker tells it. `port` of the host leads to it; 0: none does."""

    name: str
    slot: str
    release: int
    version: str
    image: str
    status: str
    started: str
    restarts: int
    exit_code: int
    spec: str = ""
    port: int = 0

    @property
    def running(self) -> bool:
        return self.status == "running"


def live(layout: Layout) -> Question[Live]:
    """Where the flag leads."""
    return question(argv("readlink", layout.live).allow(1).called("read the flag"), parse_live)


def parse_live(text: str) -> Live:
    match = re.fullmatch(r"slots/(blue|green)/([0-9]+)", text.strip())
    return Live(match[1], int(match[2])) if match else Live()


def containers(
    layout: Layout, *, docker_may_be_down: bool = False
) -> Question[dict[str, Container]]:
    """The service's containers by slot; none where Docker does not answer, and that is allowed."""
    command = script("containers", layout.service).as_root().called("list the containers")
    return question(command.allow(127, 1) if docker_may_be_down else command, parse_containers)


def parse_containers(text: str) -> dict[str, Container]:
    """The containers by slot; names are compared exactly, so a look-alike of another service never counts."""
    found = {}
    for item in json.loads(text or "[]"):
        container = _container(item)
        labels = item["Config"]["Labels"]
        if container.name == f"{labels.get('edgepaas.service')}-{container.slot}":
            found[container.slot] = container
    return {slot: found[slot] for slot in SLOTS if slot in found}


def wanted(spec: Spec, release: Release, port: int) -> str:
    """What a container of these is labelled with: one with the same label need not be started anew."""
    return spec.fingerprint(release.image, release.environment + release.runtime, port)


def start(
    site: Site, spec: Spec, release: Release, *, slot: str, drain: float, database: str = ""
) -> Command:
    """Start a release in a slot that is not live, and wait until it is healthy. Prints the last answer.

    What still runs in that slot has `drain` seconds for its last requests, and is stopped as by `drain`. `database` is
    what the release before it is on, or what it is to be on.
    """
    port = site.port(slot)
    command = script(
        "start",
        *release.variables,
        uses=("clock", "requests", "probe"),
        base=site.layout.base,
        service=site.layout.service,
        slot=slot,
        release=release.number,
        image=release.image,
        version=release.version,
        port=port,
        container_port=spec.port,
        memory=spec.memory,
        stop_timeout=spec.stop_timeout,
        log_size=spec.log_size,
        log_files=spec.log_files,
        pids_limit=spec.pids_limit,
        capabilities=" ".join(spec.capabilities),
        new_privileges="yes" if spec.new_privileges else "",
        data=spec.data,
        health_path=spec.health_path,
        health_timeout=spec.health_timeout,
        host_name=site.probe_name,
        headers="\n".join(site.headers),
        spec=wanted(spec, release, port),
        drain_timeout=round(drain),
        runtime=release.runtime,
        certificate=release.certificate,
        database=database,
    )
    named = command.called(f"start release {release.number} in {slot}")
    return named.as_root().within(drain + spec.stop_timeout + spec.health_timeout + 60)


@dataclass(frozen=True)
class Probe:
    """What the public path has to say of a release; status 0 is any of 2xx, an empty text is any body.

    It is asked for `bake` seconds; after that the decision has `decision_timeout` seconds to come.
    """

    path: str
    status: int = 0
    text: str = ""
    bake: float = 0.0
    decision_timeout: float = 30.0


def flip(site: Site, to: Live, health_path: str, probe: Probe) -> Command:
    """Health gate, flag, verification through nginx, bake; then it reads "commit LINE" or "back REASON" on its stdin.

    It flips itself back when a probe fails, and when no decision comes in time. Prints where the flag led before.
    """
    command = script(
        "flip",
        uses=("clock", "journal", "probe"),
        base=site.layout.base,
        slot=to.slot,
        release=to.release,
        port=site.port(to.slot),
        health_path=health_path,
        listen=site.listen,
        host_name=site.probe_name,
        headers="\n".join(site.headers),
        public_headers="\n".join(site.public_headers),
        bake=int(probe.bake * 1000),
        decision_timeout=round(probe.decision_timeout),
        path=probe.path,
        expected=probe.status,
        text=probe.text,
    )
    named = command.called(f"flip to {to.slot}, release {to.release}")
    return named.as_root().within(probe.bake + probe.decision_timeout + 60)


def point(layout: Layout, to: Live, now: Live, token: str = "") -> Command:
    """Moves the flag back, if it is still where we put it, and the lease is `token`'s. Prints "moved" or "left"."""
    command = script("point", base=layout.base, to=to.target, now=now.target, token=token)
    return command.as_root().called(f"flip back to {to.target}")


def drain(
    layout: Layout,
    *,
    slot: str,
    seconds: float,
    stop_timeout: int,
    keep: str = "",
) -> Command:
    """Waits for the last requests of a slot that is no longer live, and stops its container.

    `keep` lets it run on, if the host has that much memory (as docker writes sizes) free. Prints what it did.
    """
    command = script(
        "drain",
        uses=("clock", "requests"),
        base=layout.base,
        container=layout.container(slot),
        slot=slot,
        drain_timeout=round(seconds),
        stop_timeout=stop_timeout,
        keep=keep,
    )
    done = "drain" if keep else "drain and stop"
    return command.as_root().within(seconds + stop_timeout + 30).called(f"{done} {slot}")


def diagnose(site: Site, *, slot: str, health_path: str, stop: bool, lines: int) -> Command:
    """All there is to know about a slot that failed, with the last `lines` of its log, for `diagnosis`."""
    command = script(
        "diagnose",
        uses=("probe",),
        base=site.layout.base,
        container=site.layout.container(slot),
        port=site.port(slot),
        health_path=health_path,
        host_name=site.probe_name,
        headers="\n".join(site.headers),
        lines=lines,
        stop="yes" if stop else "",
    )
    return command.as_root().called(f"diagnose {slot}")


def _container(item: dict[str, Any]) -> Container:
    labels = item["Config"]["Labels"]
    release = labels.get("edgepaas.release", "0")
    return Container(
        name=item["Name"].lstrip("/"),
        slot=labels.get("edgepaas.slot", ""),
        release=int(release) if release.isdigit() else 0,
        version=labels.get("edgepaas.version", ""),
        image=item["Image"],
        status=item["State"]["Status"],
        started=item["State"]["StartedAt"],
        restarts=item.get("RestartCount", 0),
        exit_code=item["State"].get("ExitCode", 0),
        spec=labels.get("edgepaas.spec", ""),
        port=_published(item),
    )


def _published(item: dict[str, Any]) -> int:
    """As it was asked for at its start: also of a container that does not run."""
    bound = item.get("HostConfig", {}).get("PortBindings") or {}
    found = [one["HostPort"] for each in bound.values() for one in each or ()]
    return int(found[0]) if found and found[0].isdigit() else 0
