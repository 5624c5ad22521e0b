"""Deploys, from what an operator asked for to what is live: the order of the phases, and nothing of their insides.

| phase   | does                                                               | when it fails                     |
|---------|--------------------------------------------------------------------|-----------------------------------|
| resolve | settings, variables, hosts; no host touched                        | nothing happened                  |
| look    | takes the lease, sees what is there                                | the lease is given back           |
| build   | the image, tagged with the version                                 | the lease is given back           |
| ship    | the image to the hosts that lack it                                | hosts unchanged but for layers    |
| stage   | release directory, nginx's file tested                             | a directory that nothing uses     |
| migrate | the schema, from the new image, on one host, under a lock          | old release untouched             |
| start   | the slot that is not live, until it is healthy                     | container kept, old one untouched |
| flip    | the flag, verified through nginx, baked, recorded when all are well | flipped back everywhere          |
| finish  | drain, prune, give the lease back                                  | the next deploy converges         |

Stage and start are one round trip where no migration stands between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.database import migrations
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping.ship import Shipping
from edgepaas_tasks.lease.lease import hold_lease
from edgepaas_tasks.release import ancestry, finish, prepare, traffic
from edgepaas_tasks.release import image as material
from edgepaas_tasks.release import plan as plans
from edgepaas_tasks.release import repair as recovery
from edgepaas_tasks.release.gates import Unfinished
from edgepaas_tasks.release.request import Request, resolve
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.errors import HostErrors, RemoteError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import environment
from edgepaas_tasks.variables.environment import Environment


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


def deploy(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    request: Request,
    wait: float | None,
) -> Outcome:
    """Build this directory and make it live. Raises with nothing changed, or with the old release serving."""
    begun = int(time.time())
    settings = service.settings
    version, values = resolve(service, progress, request, hosts)
    with hold_lease(service, hosts, progress, "deploy", wait, version.commit) as (lease, states):
        ancestry.require(service, version, states, progress, allow_older=request.allow_older)
        states = recovery.attempt(service, hosts, progress, lease.fence, states).states
        if request.planned is not None:
            planned = plans.plan(version.text, request.image, values, states)
            differing = plans.changes(service, hosts, values, planned.before)
            request.planned(replace(planned, changes=differing))
        with progress.phase("build") as phase:
            machines = {name: state.facts.arch for name, state in states.items()}
            built = material.obtain_image(service, progress, version, request, machines)
            phase.outcome = f"{built.reference}, {built.size / 1e6:.0f} MB{material.found(built)}"
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
            runtime=composed.runtime,
            certificate=composed.certificate,
            database=settings.database.mode,
        )
        modes.require(states, release.database, allow_fallback=request.allow_fallback)
        rollout = Rollout(service, hosts, states, lease.fence, release, "deploy", begun)
        rollout.database = "" if request.allow_fallback else None
        allowed = request.allow_destructive
        return roll_out(rollout, progress, built, composed, allow_destructive=allowed)


def roll_out(
    rollout: Rollout,
    progress: Progress,
    here: Image | None,
    composed: Environment | None,
    *,
    allow_destructive: bool = False,
    check: Callable[[], None] | None = None,
) -> Outcome:
    """From an image and an environment to live traffic.

    A kept release (no environment given) migrates nothing, and where it still runs everywhere it is only flipped to.
    `check` is called once every host has the image; what it raises ends all, with nothing started.
    """
    shipping = Shipping(rollout.service, rollout.hosts, rollout.states, rollout.release)
    starts = composed is not None or not rollout.warm
    try:
        if starts:
            with progress.phase("ship") as phase:
                phase.outcome = shipping.ship(here)
            rollout.release = shipping.release
        if check is not None:
            check()
        if starts:
            _start(rollout, progress, composed, allow_destructive=allow_destructive)
        with progress.phase("flip") as phase:
            phase.outcome = traffic.flip(rollout)
    except (RemoteError, HostErrors, Refused) as error:
        rollout.record_failure(error)
        raise
    try:
        with progress.phase("finish") as phase:
            phase.outcome = finish.finish(rollout)
    except (RemoteError, HostErrors) as error:
        raise Unfinished(rollout.release, error) from error
    return outcome(rollout, progress, shipping.sent)


def outcome(rollout: Rollout, progress: Progress, sent: int = 0) -> Outcome:
    """What a rollout has come to so far."""
    return Outcome(
        release=rollout.release,
        action=rollout.action,
        slots=rollout.slots,
        before=rollout.before,
        phases=tuple((phase.name, phase.seconds or 0.0) for phase in progress.phases),
        seconds=progress.seconds,
        sent=sent,
        execs={host.name: len(host.trace) for host in rollout.hosts},
    )


def _start(
    rollout: Rollout,
    progress: Progress,
    composed: Environment | None,
    *,
    allow_destructive: bool,
) -> None:
    """From an image on the hosts to a healthy container in each idle slot."""
    if composed is None or not migrations.wanted(rollout.service):
        with progress.chain("stage", "start") as chain:
            chain.outcome = prepare.stage_and_start(rollout, composed, chain)
        return
    with progress.phase("stage") as phase:
        phase.outcome = prepare.stage(rollout, composed)
    with progress.phase("migrate") as phase:
        phase.outcome = prepare.migrate(rollout, composed, allow_destructive=allow_destructive)
    with progress.phase("start") as phase:
        phase.outcome = prepare.start(rollout)
