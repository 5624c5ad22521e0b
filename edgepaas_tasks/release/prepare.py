"""A release made ready in the slots that are not live: stage, migrate, start.

Each is at most one round trip a host, the hosts side by side. Nothing that serves traffic is touched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from edgepaas_tasks.console.progress import Chain
from edgepaas_tasks.database import migrations
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.release import failure
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.batch import Watch
from edgepaas_tasks.remote.command import Command
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine import docker
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import nginx, releases, slots
from edgepaas_tasks.variables.environment import Environment

# What configuring nginx answers, for people.
SITE = {"same": "as it was", "reloaded": "has a new configuration", "started": "was started"}


def stage(rollout: Rollout, composed: Environment | None) -> str:
    """Write the release's directory (a kept release has one) and nginx's file, tested before it is used."""
    answers = on_each(rollout.hosts, lambda host: host.change(*_staging(rollout, host, composed)))
    return _staged(rollout, {results[0].text for results in answers.values()})


def migrate(rollout: Rollout, composed: Environment, *, allow_destructive: bool) -> str:
    """Bring the schema to the new image's revision: once, from the new image, on one host."""
    host = rollout.hosts[0]
    trying = rollout.release.database == modes.TRYING
    if trying and rollout.database_of(host) == modes.SQLITE:
        return "on SQLite: the app brings up its own file"
    try:
        done = migrations.up(
            rollout.service,
            host,
            rollout.release,
            composed,
            allow_destructive=allow_destructive,
        )
    except migrations.Ahead:
        if not _serves(rollout, host):
            raise
        return "the database is at a revision that this image does not know; the app keeps serving"
    except migrations.DatabaseUnreachable as error:
        if trying and rollout.database_of(host) != modes.POSTGRES:
            return f"not done: {error.reason}"
        raise
    rollout.schema = done.at
    return done.text


def _serves(rollout: Rollout, host: Host) -> bool:
    """Whether the image is the live one: what it does with that schema is known."""
    live = rollout.states[host.name].releases.get(rollout.before[host.name].release)
    return live is not None and live.image == rollout.release.image


def start(rollout: Rollout) -> str:
    """Start the container in the slot that is not live, and wait until it is healthy there."""
    on_each(rollout.hosts, lambda host: _start(rollout, host, ()))
    return _started(rollout)


def restart(rollout: Rollout) -> None:
    """A kept release in the slot that is not live, where it does not run there still."""
    cold = [host for host in rollout.hosts if not rollout.runs_on(host.name)]
    on_each(cold, lambda host: _start(rollout, host, _staging(rollout, host, None)))


def stage_and_start(rollout: Rollout, composed: Environment | None, chain: Chain) -> str:
    """Both in one round trip, where nothing stands between them; `chain` goes on to its next phase in time."""
    staging = {host.name: _staging(rollout, host, composed) for host in rollout.hosts}
    told: dict[str, str] = {}
    left = {host.name for host in rollout.hosts}
    lock = threading.Lock()

    def ended(host: Host, index: int, code: int, output: str) -> None:
        with lock:
            if index == 0:
                told[host.name] = output.strip()
            if index == len(staging[host.name]) - 1 and code == 0:
                left.discard(host.name)
                if not left:
                    chain.next(_staged(rollout, set(told.values())))

    on_each(
        rollout.hosts, lambda host: _start(rollout, host, staging[host.name], partial(ended, host))
    )
    return _started(rollout)


def _staging(rollout: Rollout, host: Host, composed: Environment | None) -> tuple[Command, ...]:
    layout = rollout.service.layout
    always = (
        nginx.configure(rollout.service.site),
        docker.tag(rollout.release.image, rollout.release.reference),
    )
    if composed is None:
        return always
    lacking = composed.mounted.keys() - rollout.states[host.name].runtimes
    mounted = [
        releases.stage_runtime(layout, one, composed.mounted[one]) for one in sorted(lacking)
    ]
    return (*always, *releases.stage(layout, rollout.release, composed.text), *mounted)


def _staged(rollout: Rollout, told: set[str]) -> str:
    site = ", ".join(SITE.get(one, one) for one in sorted(told))
    return f"release {rollout.release.number}, nginx {site}"


def _start(
    rollout: Rollout,
    host: Host,
    before: Sequence[Command],
    ended: Callable[[int, int, str], None] | None = None,
) -> None:
    slot = rollout.slots[host.name]
    command = slots.start(
        rollout.service.site,
        rollout.service.spec,
        rollout.release,
        slot=slot,
        drain=rollout.service.settings.flip.drain,
        database=rollout.database_of(host),
    )
    try:
        host.change(*before, command, watch=Watch(ended=ended))
    except CommandFailed as error:
        if error.command != str(command):
            raise
        live = rollout.before[host.name]
        raise failure.unhealthy(rollout.service, host, slot, rollout.release, live, error) from None


def _started(rollout: Rollout) -> str:
    return f"healthy in {', '.join(sorted(set(rollout.slots.values())))}"
