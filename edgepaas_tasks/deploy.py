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
from remote import releases
from remote.errors import HostErrors, RemoteError
from remote.host import Host
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
    wait: float = 0.0


def deploy(service: Service, hosts: Sequence[Host], progress: Progress, request: Request) -> Outcome:
    """Build this directory and make it live. Raises with nothing changed, or with the old release serving."""
    begun = int(time.time())
    settings = service.settings
    with progress.phase("resolve") as phase:
        context = Path(settings.build.context)
        if not request.image and not (context / settings.build.dockerfile).is_file():
            raise Refused(f"build.context: there is no {context / settings.build.dockerfile}")
        version = versions.settle(context, request.version)
        values = environment.gather(settings, request.given)
        image.require_engine()
        phase.outcome = f"version {version.text}, {len(values.values)} variables"
        for warning in values.warnings:
            progress.step("variables", str(warning))
    with _tenure(service, hosts, progress, "deploy", request.wait) as (tenure, states):
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


def rollback(
    service: Service, hosts: Sequence[Host], progress: Progress, to: int | None, wait: float
) -> Outcome:
    """Deploy a kept release with its own environment: the given one, or the good one before the live one."""
    begun = int(time.time())
    with _tenure(service, hosts, progress, "rollback", wait) as (tenure, states):
        release = _kept(states, to)
        rollout = Rollout(service, hosts, states, tenure.fence, release, "rollback", begun)
        return _carry(rollout, progress, _find(release), None)


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
        raise Refused(f"the hosts disagree on the release before the live one ({wanted}): give --to N")
    name, number = next(iter(wanted.items()))
    return states[name].releases[number]
