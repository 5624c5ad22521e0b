"""A new release of the live image with the present variables, by the pipeline of every deploy."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.lease.lease import hold_lease
from edgepaas_tasks.release import repair as recovery
from edgepaas_tasks.release.deploy import Outcome, roll_out
from edgepaas_tasks.release.rollback import kept_image
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import environment


def push(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    given: Sequence[str],
    wait: float | None,
    *,
    database: str | None = None,
) -> Outcome | None:
    """None when every value is live already, and the database is the wanted one; then nothing was changed."""
    action = "env.push" if database is None else "db.use"
    begun = int(time.time())
    with progress.phase("resolve") as phase:
        values = environment.gather(service.settings, given)
        phase.outcome = f"{len(values.values)} variables"
    with hold_lease(service, hosts, progress, action, wait) as (lease, states):
        states = recovery.settle(service, hosts, progress, lease.fence, states).states
        live = _live(states)
        number = max(state.next_release for state in states.values())
        composed = environment.compose(service.settings, values, number, live.version)
        on = {modes.live(state).mode for state in states.values()}
        there = composed.fingerprint == live.environment if database is None else on == {database}
        if there:
            return None
        release = replace(
            live,
            number=number,
            variables=composed.names,
            environment=composed.fingerprint,
            created=begun,
            runtime=composed.runtime,
            certificate=composed.certificate,
            database=service.settings.database.mode,
        )
        modes.require(states, release.database, allow_fallback=False)
        rollout = Rollout(service, hosts, states, lease.fence, release, action, begun, database)
        return roll_out(rollout, progress, kept_image(live), composed)


def _live(states: Mapping[str, State]) -> Release:
    """The release that is live on every host. Raises Refused."""
    found = {name: state.releases.get(state.live.release) for name, state in states.items()}
    for name, release in found.items():
        if release is None:
            raise Refused(f"{name}: nothing is live yet; inv deploy first")
    if len({state.live.release for state in states.values()}) > 1:
        raise Refused("the hosts differ in what is live: inv deploy puts all on one release")
    release = next(iter(found.values()))
    assert release is not None
    return release
