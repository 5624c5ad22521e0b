"""Deploys, from what an operator asked for to what is live: the order of the phases, and nothing of their insides.

| phase   | does                                                               | when it fails                     |
|---------|--------------------------------------------------------------------|-----------------------------------|
| resolve | settings, variables, hosts; no host touched                        | nothing happened                  |
| look    | takes the lease, sees what is there                                | the lease is given back           |
| build   | the image, tagged with the version                                 | the lease is given back           |
| ship    | the image to the hosts that lack it                                | hosts unchanged but for layers    |
| stage   | release directory, nginx's file tested                             | a directory that nothing uses     |
| start   | the slot that is not live, until it is healthy                     | container kept, old one untouched |
| flip    | the flag, verified through nginx, baked                            | flipped back everywhere           |
| finish  | journal, drain, prune, give the lease back                         | the next deploy converges         |
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgepaas_tasks import environment, image, readiness
from edgepaas_tasks import version as versions
from edgepaas_tasks.boundary import Refused
from edgepaas_tasks.environment import Environment
from edgepaas_tasks.image import Image
from edgepaas_tasks.progress import Progress
from edgepaas_tasks.rollout import Rollout
from edgepaas_tasks.service import Service
from edgepaas_tasks.tenure import Tenure
from env.layers import Resolution
from remote import releases
from remote import service as at
from remote.errors import HostErrors, RemoteError
from remote.host import Host
from remote.layout import other
from remote.parallel import on_each
from remote.releases import Release
from remote.service import State
from remote.slots import Live


@dataclass(frozen=True)
class Outcome:
    """What a deploy came to. Seconds are wall time; `sent` counts image bytes over SSH; `execs` round trips by host."""

    release: Release
    action: str
    slots: Mapping[str, str]
    before: Mapping[str, Live]
    phases: tuple[tuple[str, float], ...]
    seconds: float
    sent: int
    execs: Mapping[str, int]


@dataclass(frozen=True)
class Request:
    """What an operator asked for. `image` deploys an image that is already on this machine instead of building."""

    version: str = ""
    image: str = ""
    fresh: bool = False
    given: tuple[str, ...] = ()


def deploy(
    service: Service, hosts: Sequence[Host], progress: Progress, request: Request, wait: float
) -> Outcome:
    """Build this directory and make it live. Raises with nothing changed, or with the old release serving."""
    begun = int(time.time())
    settings = service.settings
    version, values = _resolve(service, progress, request)
    with _tenure(service, hosts, progress, "deploy", wait) as (tenure, states):
        with progress.phase("build") as phase:
            built = _image(service, progress, version, request)
            phase.outcome = f"{built.reference}, {built.size / 1e6:.0f} MB"
        number = max(state.next_release for state in states.values())
        composed = environment.compose(settings, values, number, version.text)
        release = Release(
            number=number,
            version=version.text,
            image=built.id,
            reference=built.reference,
            variables=composed.names,
            environment=composed.fingerprint,
            commit=version.commit,
            created=begun,
        )
        rollout = Rollout(service, hosts, states, tenure.fence, release, "deploy", begun)
        return _carry(rollout, progress, built, composed)


def _resolve(
    service: Service, progress: Progress, request: Request
) -> tuple[versions.Version, Resolution]:
    """Everything that can be settled, and refused, without a host."""
    settings = service.settings
    with progress.phase("resolve") as phase:
        context = Path(settings.build.context)
        if not request.image and not (context / settings.build.dockerfile).is_file():
            raise Refused(f"build.context: there is no {context / settings.build.dockerfile}")
        version = versions.settle(context, request.version)
        values = environment.gather(settings, request.given)
        image.require_engine()
        warned = f", {len(values.warnings)} warnings" if values.warnings else ""
        phase.outcome = f"version {version.text}, {len(values.values)} variables{warned}"
        for warning in values.warnings:
            progress.note(str(warning))
    return version, values


def rollback(
    service: Service, hosts: Sequence[Host], progress: Progress, to: int | None, wait: float
) -> Outcome:
    """Deploy a kept release with its own environment: the given one, or the good one before the live one."""
    begun = int(time.time())
    with _tenure(service, hosts, progress, "rollback", wait) as (tenure, states):
        release = _kept(states, to)
        rollout = Rollout(service, hosts, states, tenure.fence, release, "rollback", begun)
        return _carry(rollout, progress, _find(release), None)


@dataclass(frozen=True)
class Plan:
    """What a deploy would do. `origins` tells where each variable's value comes from."""

    version: str
    number: int
    before: Mapping[str, Live]
    slots: Mapping[str, str]
    origins: Mapping[str, str]


def rehearse(service: Service, hosts: Sequence[Host], progress: Progress, request: Request) -> Plan:
    """Everything that a deploy would find out, and nothing that it would change: not even the lease is taken."""
    version, values = _resolve(service, progress, request)
    with progress.phase("look") as phase:
        looks = at.look(service.layout)
        states = on_each(hosts, lambda host: at.parse(host.read(*looks)))
        for name, state in states.items():
            readiness.require(name, state)
        phase.outcome = readiness.describe(states)
    before = {name: state.live for name, state in states.items()}
    return Plan(
        version=version.text,
        number=max(state.next_release for state in states.values()),
        before=before,
        slots={name: other(live.slot) for name, live in before.items()},
        origins={name: value.origin for name, value in values.values.items()},
    )


@dataclass(frozen=True)
class Flipped:
    """Where each host's flag leads after a flip."""

    after: Mapping[str, Live]


def flip(
    service: Service, hosts: Sequence[Host], progress: Progress, slot: str, wait: float
) -> Flipped:
    """Move traffic to what is in the other slot. Raises Refused unless every host has a running release there."""
    begun = int(time.time())
    with _tenure(service, hosts, progress, "nginx.flip", wait) as (tenure, states):
        releases_there = {name: _warm(name, state, slot) for name, state in states.items()}
        if len({release.number for release in releases_there.values()}) > 1:
            raise Refused("the hosts have different releases in that slot: use inv rollback --to N")
        release = next(iter(releases_there.values()))
        rollout = Rollout(service, hosts, states, tenure.fence, release, "flip", begun)
        with progress.phase("flip") as phase:
            phase.outcome = rollout.flip()
        with progress.phase("record") as phase:
            phase.outcome = rollout.record()
    return Flipped({name: Live(there, release.number) for name, there in rollout.slots.items()})


def _warm(host: str, state: State, slot: str) -> Release:
    """The release that runs in the slot that is not live."""
    idle = other(state.live.slot)
    if slot and slot != idle:
        raise Refused(f"{host}: {slot} is live already (release {state.live.release})")
    container = state.containers.get(idle)
    if container is None or not container.running:
        raise Refused(
            f"{host}: nothing runs in {idle}\n"
            "  next:  inv rollback starts the release before; inv deploy a new one"
        )
    if container.release not in state.releases:
        raise Refused(f"{host}: release {container.release} in {idle} is not kept here")
    return state.releases[container.release]


def _carry(
    rollout: Rollout, progress: Progress, here: Image | None, composed: Environment | None
) -> Outcome:
    """From an image and an environment to live traffic."""
    try:
        with progress.phase("ship") as phase:
            phase.outcome = rollout.ship(here)
        with progress.phase("stage") as phase:
            phase.outcome = rollout.stage(composed)
        with progress.phase("start") as phase:
            phase.outcome = rollout.start()
        with progress.phase("flip") as phase:
            phase.outcome = rollout.flip()
    except (RemoteError, HostErrors, Refused) as error:
        rollout.record_failure(error)
        raise
    with progress.phase("finish") as phase:
        phase.outcome = rollout.finish()
    return Outcome(
        release=rollout.release,
        action=rollout.action,
        slots=rollout.slots,
        before=rollout.before,
        phases=tuple((phase.name, phase.seconds or 0.0) for phase in progress.phases),
        seconds=progress.seconds,
        sent=rollout.sent,
        execs={host.name: len(host.trace) for host in rollout.hosts},
    )


@contextmanager
def _tenure(
    service: Service, hosts: Sequence[Host], progress: Progress, command: str, wait: float
) -> Iterator[tuple[Tenure, dict[str, State]]]:
    """The lease on all hosts, with what was seen when it was taken; given back at the end, come what may."""
    tenure = Tenure(service, hosts, command, wait)
    try:
        with progress.phase("look") as phase:
            states = tenure.begin()
            for name, state in states.items():
                readiness.require(name, state)
            phase.outcome = readiness.describe(states)
        yield tenure, states
    finally:
        tenure.release()


def _image(
    service: Service, progress: Progress, version: versions.Version, request: Request
) -> Image:
    if request.image:
        return image.find(request.image)
    return image.build(
        service.settings.build,
        service.settings.image_name,
        version,
        fresh=request.fresh,
        say=lambda line: progress.step("docker", line),
    )


def _find(release: Release) -> Image | None:
    """The release's image on this machine, for hosts that no longer have it."""
    try:
        return replace(image.find(release.image), reference=release.reference)
    except Refused:
        return None


def _kept(states: Mapping[str, State], to: int | None) -> Release:
    """The release that every host has kept and can go back to. Raises Refused."""
    wanted: dict[str, int] = {}
    for name, state in states.items():
        if to is None:
            entry = releases.previous(state.history, state.live.release)
            if entry is None:
                raise Refused(f"{name}: there is no earlier good release to go back to")
            wanted[name] = entry.release
        else:
            wanted[name] = to
        if wanted[name] not in state.releases:
            kept = ", ".join(str(number) for number in sorted(state.releases)) or "none"
            raise Refused(f"{name}: release {wanted[name]} is not kept here (kept: {kept})")
        if wanted[name] == state.live.release:
            raise Refused(f"{name}: release {wanted[name]} is live already")
    if len(set(wanted.values())) > 1:
        raise Refused(
            f"the hosts disagree on the release before the live one ({wanted}): give --to N"
        )
    name, number = next(iter(wanted.items()))
    return states[name].releases[number]
