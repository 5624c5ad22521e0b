"""Back to an earlier release: the deploy of what the hosts have kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.database import migrations
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.database import releases as kept
from edgepaas_tasks.database.migrations import Schema, Upgraded
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.lease.lease import hold_lease
from edgepaas_tasks.release import repair as recovery
from edgepaas_tasks.release.deploy import Outcome, outcome, roll_out
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service import releases
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import environment


@dataclass(frozen=True)
class Back:
    """What an operator asked for: the number of a kept release, None for the good one before the live one.

    `allow_newer_schema`: do not ask whether its image fits the database's revision. `allow_fallback`: on SQLite,
    although the live release is on Postgres.
    """

    to: int | None = None
    allow_newer_schema: bool = False
    allow_fallback: bool = False


def rollback(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    asked: Back,
    wait: float | None,
) -> Outcome:
    """Deploy a kept release with its own environment. `wait`: seconds for another deploy to end."""
    to, allow_fallback = asked.to, asked.allow_fallback
    begun = int(time.time())
    with hold_lease(service, hosts, progress, "rollback", wait) as (lease, states):
        # What a given release replaces anyway need not be in order first.
        settle = recovery.settle if to is None else recovery.attempt
        settled = settle(service, hosts, progress, lease.fence, states)
        if settled.rollout is not None and (
            settled.undone if to is None else settled.rollout.release.number == to
        ):
            # That was the way back: it left a release that no deploy had finished.
            return outcome(settled.rollout, progress)
        states = settled.states
        release = choose_release(states, to)
        modes.require(states, release.database, allow_fallback=allow_fallback)
        rollout = Rollout(service, hosts, states, lease.fence, release, "rollback", begun)
        rollout.database = "" if allow_fallback else None

        def check() -> None:
            with progress.phase("schema") as phase:
                host = hosts[0]
                found = _fitting_schema(service, host, states[host.name], rollout.release)
                rollout.schema, phase.outcome = found.at, found.text

        ask = _on_postgres(service, states, release) and not asked.allow_newer_schema
        here = None if rollout.warm else kept_image(release)
        return roll_out(rollout, progress, here, None, check=check if ask else None)


def _on_postgres(service: Service, states: Mapping[str, State], release: Release) -> bool:
    """Whether there is a schema to ask about: not where the release was, or what is live is, without Postgres."""
    without = (modes.SQLITE, modes.NONE)
    if not migrations.wanted(service) or release.database in without:
        return False
    return any(modes.live(state).mode not in without for state in states.values())


def _fitting_schema(service: Service, host: Host, state: State, release: Release) -> Upgraded:
    """Where the database is. Refuses a release whose code is for another schema, with the way there."""
    composed = environment.kept(host, service, release)
    found = migrations.status(service, host, release, composed)
    if found is None:
        return Upgraded("", "the image has no Alembic")
    at = ", ".join(found.at) or "nothing"
    name = service.settings.environment
    number, said = release.number, f"{host.name}: the database is at {at}"
    if found.ahead:
        raise Refused(
            f"{said}, which the image of release {number} ({release.version}) does not know; "
            "the live release keeps serving",
            next_step=f"{_way_down(state, found, name)}, then roll back; "
            "or --allow-newer-schema, if the old code works with the new schema",
        )
    if found.pending:
        raise Refused(
            f"{said}, without what release {number} ({release.version}) needs: {'; '.join(found.pending)}; "
            "the live release keeps serving",
            next_step=f"inv migrate.up --release {number} --env {name}, then roll back; or inv deploy --env {name}",
        )
    return Upgraded(", ".join(found.at), f"at {at}, which its image knows")


def _way_down(state: State, found: Schema, env: str) -> str:
    """The command that takes the database to where an older image leads, by a release that knows where it is."""
    to = found.head if len(found.heads) == 1 else "REVISION" if found.heads else "base"
    number = kept.release_at_revision(state, found.at)
    if not number:
        return f"deploy code that knows it, inv migrate.down --to {to} --env {env}"
    by = "" if number == state.live.release else f"--release {number} "
    return f"inv migrate.down --to {to} {by}--env {env}"


def choose_release(states: Mapping[str, State], to: int | None) -> Release:
    """The release that every host has kept and can go back to. Raises Refused."""
    wanted: dict[str, int] = {}
    # What any host has on record as good was decided for all of them.
    good = releases.good([entry for state in states.values() for entry in state.history])
    for name, state in states.items():
        if to is None:
            entry = releases.previous(state.history, state.live.release)
            if entry is None:
                raise Refused(f"{name}: there is no earlier good release to go back to")
            wanted[name] = entry.release
        else:
            wanted[name] = to
        if wanted[name] not in good & state.releases.keys():
            lacks = "is not kept here" if wanted[name] not in state.releases else "was never good"
            kept = ", ".join(map(str, sorted(good & state.releases.keys()))) or "none"
            raise Refused(f"{name}: release {wanted[name]} {lacks} (good and kept: {kept})")
        if wanted[name] == state.live.release:
            raise Refused(f"{name}: release {wanted[name]} is live already")
    if len(set(wanted.values())) > 1:
        raise Refused(
            f"the hosts disagree on the release before the live one ({wanted}): give --to N"
        )
    name, number = next(iter(wanted.items()))
    return states[name].releases[number]


def kept_image(release: Release) -> Image | None:
    """The release's image on this machine, for hosts that no longer have it."""
    try:
        return replace(image.find(release.image), reference=release.reference)
    except Refused:
        return None
