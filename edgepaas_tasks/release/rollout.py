"""One release on its way to the hosts that have its image: stage, migrate, start, finish; `traffic` has the flip.

Every method is at most one round trip a host, the hosts side by side. Until `flip` nothing that serves traffic is
touched.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from edgepaas_tasks.console.boundary import redactor
from edgepaas_tasks.console.progress import Chain
from edgepaas_tasks.database import migrations
from edgepaas_tasks.release import failure
from edgepaas_tasks.targets import modes
from edgepaas_tasks.targets.service import Service, who
from edgepaas_tasks.variables.environment import Environment
from remote import docker, lease, nginx, releases, slots
from remote.batch import Fence, Watch
from remote.command import Command
from remote.errors import CommandFailed
from remote.host import Host
from remote.layout import other
from remote.parallel import attempt, on_each
from remote.releases import Entry, Release
from remote.service import State
from remote.slots import Live

# What configuring nginx answers, for people.
SITE = {"same": "as it was", "reloaded": "has a new configuration", "started": "was started"}


@dataclass
class Rollout:
    """`states` is what the look under the lease saw, by host.

    `database` is what a release in try_postgres is to be on: a mode, "" for whatever answers, None for what the live
    release is on.
    """

    service: Service
    hosts: Sequence[Host]
    states: Mapping[str, State]
    fence: Fence
    release: Release
    action: str
    begun: int
    database: str | None = None
    committed: bool = field(default=False, init=False)  # it was decided that the release stays
    schema: str = ""  # the database's revision, where it was asked for it

    @property
    def before(self) -> dict[str, Live]:
        """Where each host's flag led when we looked."""
        return {name: state.live for name, state in self.states.items()}

    @property
    def slots(self) -> dict[str, str]:
        """The slot that the release takes on each host: the one that is not live."""
        return {name: other(live.slot) for name, live in self.before.items()}

    @property
    def warm(self) -> bool:
        """Whether the release still runs in that slot on every host, as it would be started now."""
        return all(self.runs_on(host.name) for host in self.hosts)

    def runs_on(self, host: str) -> bool:
        release = self.release
        container = self.states[host].containers.get(self.slots[host])
        wanted = slots.wanted(
            self.service.spec, release.image, release.environment, release.runtime
        )
        return (
            container is not None
            and container.running
            and (container.release, container.spec) == (release.number, wanted)
            # One that tries Postgres has decided for itself, and perhaps otherwise than the live one.
            and release.database != modes.TRYING
        )

    def stage(self, composed: Environment | None) -> str:
        """Write the release's directory (a kept release has one) and nginx's file, tested before it is used."""
        answers = on_each(self.hosts, lambda host: host.change(*self._staging(host, composed)))
        return self._staged({results[0].text for results in answers.values()})

    def migrate(self, composed: Environment, *, allow_destructive: bool) -> str:
        """Bring the schema to the new image's revision: once, from the new image, on one host."""
        host = self.hosts[0]
        trying = self.release.database == modes.TRYING
        if trying and self.database_of(host) == modes.SQLITE:
            return "on SQLite: the app brings up its own file"
        try:
            done = migrations.up(
                self.service,
                host,
                self.release.image,
                composed,
                allow_destructive=allow_destructive,
            )
        except migrations.Unreachable as error:
            if trying and self.database_of(host) != modes.POSTGRES:
                return f"not done: {error.reason}"
            raise
        self.schema = done.at
        return done.text

    def database_of(self, host: Host) -> str:
        """What a release that tries Postgres is to be on there; "" for whatever answers."""
        if self.database is None:
            return modes.live(self.states[host.name]).mode
        return self.database

    def start(self) -> str:
        """Start the container in the slot that is not live, and wait until it is healthy there."""
        on_each(self.hosts, lambda host: self._start(host, ()))
        return self._started()

    def restart(self) -> None:
        """A kept release in the slot that is not live, where it does not run there still."""
        cold = [host for host in self.hosts if not self.runs_on(host.name)]
        on_each(cold, lambda host: self._start(host, self._staging(host, None)))

    def stage_and_start(self, composed: Environment | None, chain: Chain) -> str:
        """Both in one round trip, where nothing stands between them; `chain` goes on to its next phase in time."""
        staging = {host.name: self._staging(host, composed) for host in self.hosts}
        told: dict[str, str] = {}
        left = {host.name for host in self.hosts}
        lock = threading.Lock()

        def ended(host: Host, index: int, code: int, output: str) -> None:
            with lock:
                if index == 0:
                    told[host.name] = output.strip()
                if index == len(staging[host.name]) - 1 and code == 0:
                    left.discard(host.name)
                    if not left:
                        chain.next(self._staged(set(told.values())))

        on_each(
            self.hosts, lambda host: self._start(host, staging[host.name], partial(ended, host))
        )
        return self._started()

    def _staging(self, host: Host, composed: Environment | None) -> tuple[Command, ...]:
        layout = self.service.layout
        always = (
            nginx.configure(self.service.site),
            docker.tag(self.release.image, self.release.reference),
        )
        if composed is None:
            return always
        lacking = composed.mounted.keys() - self.states[host.name].runtimes
        mounted = [
            releases.stage_runtime(layout, one, composed.mounted[one]) for one in sorted(lacking)
        ]
        return (*always, *releases.stage(layout, self.release, composed.text), *mounted)

    def _staged(self, told: set[str]) -> str:
        site = ", ".join(SITE.get(one, one) for one in sorted(told))
        return f"release {self.release.number}, nginx {site}"

    def _start(
        self,
        host: Host,
        before: Sequence[Command],
        ended: Callable[[int, int, str], None] | None = None,
    ) -> None:
        slot = self.slots[host.name]
        command = slots.start(
            self.service.layout,
            self.service.spec,
            slot=slot,
            release=self.release.number,
            version=self.release.version,
            image=self.release.image,
            port=self.service.port(slot),
            environment=self.release.environment,
            variables=self.release.variables,
            runtime=self.release.runtime,
            certificate=self.release.certificate,
            database=self.database_of(host),
        )
        try:
            host.change(*before, command, watch=Watch(ended=ended))
        except CommandFailed as error:
            if error.command != str(command):
                raise
            live = self.before[host.name]
            raise failure.unhealthy(self.service, host, slot, self.release, live, error) from None

    def _started(self) -> str:
        return f"healthy in {', '.join(sorted(set(self.slots.values())))}"

    def finish(self) -> str:
        """Drain and stop the old slot, prune, give the lease back. That the release is live is on record already."""

        def finish(host: Host) -> str:
            entry = self.entry(releases.GOOD)
            draining = list(self._drain(self.before[host.name]))
            pruning = self._prune(self.states[host.name], entry)
            give_back = lease.release(self.service.layout, self.fence.token)
            host.busy = False
            results = host.change(*draining, *pruning, give_back)
            host.fence = None  # given back by the last command
            return results[0].text if draining and results else ""

        done = on_each(self.hosts, finish)
        old = sorted({live.slot for live in self.before.values() if live.slot})
        said = sorted({text for text in done.values() if text})
        return f"{', '.join(old)}: {'; '.join(said)}" if old else "nothing was live before"

    def clear(self) -> None:
        """Drain and stop the old slot, and no more."""
        old = [host for host in self.hosts if self.before[host.name].slot]
        on_each(old, lambda host: host.change(*self._drain(self.before[host.name])))

    def record_failure(self, error: Exception) -> None:
        """So that its number is never used again. That this fails too must not hide why the deploy failed."""
        if self.committed:
            return  # it stays, where it is
        # Redacted like what is printed: the journal is read by others, and for longer.
        first, *_ = redactor()(str(error)).splitlines() or [""]
        entry = self.entry(releases.FAILED, first)
        with suppress(Exception):
            attempt(
                self.hosts, lambda host: host.change(releases.record(self.service.layout, entry))
            )

    def _drain(self, old: Live) -> Iterator[Command]:
        if old.slot:
            yield slots.drain(
                self.service.layout,
                slot=old.slot,
                port=self.service.port(old.slot),
                seconds=self.service.settings.flip.drain,
                stop_timeout=self.service.settings.container.stop_timeout,
                keep=self.service.spec.memory if self.service.settings.flip.keep_warm else "",
            )

    def _prune(self, state: State, entry: Entry) -> Iterator[Command]:
        pruning = releases.prune(
            self.service.layout,
            {**state.releases, self.release.number: self.release},
            (*state.history, entry),
            self.release.number,
            self.service.settings.keep_releases,
        )
        if pruning is not None:
            yield pruning

    def entry(self, result: str, reason: str = "") -> Entry:
        now = int(time.time())
        return Entry(
            release=self.release.number,
            version=self.release.version,
            image=self.release.image,
            action=self.action,
            result=result,
            at=now,
            by=who(),
            commit=self.release.commit,
            environment=self.release.environment,
            seconds=now - self.begun,
            reason=reason,
            schema=self.schema,
        )
