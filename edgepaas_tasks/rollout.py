"""One release on its way to the hosts that have its image: stage, migrate, start, flip, finish.

Every method is one phase, at most one round trip a host, the hosts side by side. Until `flip` nothing that serves
traffic is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edgepaas_tasks import failure, migrations, modes
from edgepaas_tasks.boundary import redactor
from edgepaas_tasks.environment import Environment
from edgepaas_tasks.service import Service, who
from remote import docker, lease, nginx, releases, slots
from remote.batch import Fence
from remote.command import Command
from remote.errors import CommandFailed
from remote.host import Host
from remote.layout import other
from remote.parallel import attempt, on_each
from remote.releases import Entry, Release
from remote.result import Result
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

    @property
    def before(self) -> dict[str, Live]:
        """Where each host's flag led when we looked."""
        return {name: state.live for name, state in self.states.items()}

    @property
    def slots(self) -> dict[str, str]:
        """The slot that the release takes on each host: the one that is not live."""
        return {name: other(live.slot) for name, live in self.before.items()}

    def stage(self, composed: Environment | None) -> str:
        """Write the release's directory (a kept release has one) and nginx's file, tested before it is used."""
        layout = self.service.layout
        commands = [
            nginx.configure(self.service.site),
            docker.tag(self.release.image, self.release.reference),
        ]
        mounted: Mapping[str, bytes] = {}
        if composed is not None:
            commands += releases.stage(layout, self.release, composed.text)
            mounted = composed.mounted

        def stage(host: Host) -> tuple[Result, ...]:
            lacking = mounted.keys() - self.states[host.name].runtimes
            more = [releases.stage_runtime(layout, file, mounted[file]) for file in sorted(lacking)]
            return host.change(*commands, *more)

        answers = on_each(self.hosts, stage)
        told = {results[0].text for results in answers.values()}
        site = ", ".join(SITE.get(one, one) for one in sorted(told))
        return f"release {self.release.number}, nginx {site}"

    def migrate(self, composed: Environment, *, allow_destructive: bool) -> str:
        """Bring the schema to the new image's revision: once, from the new image, on one host."""
        host = self.hosts[0]
        trying = self.release.database == modes.TRYING
        if trying and self.database_of(host) == modes.SQLITE:
            return "on SQLite: the app brings up its own file"
        try:
            return migrations.up(
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

    def database_of(self, host: Host) -> str:
        """What a release that tries Postgres is to be on there; "" for whatever answers."""
        if self.database is None:
            return modes.live(self.states[host.name]).mode
        return self.database

    def start(self) -> str:
        """Start the container in the slot that is not live, and wait until it is healthy there."""

        def start(host: Host) -> None:
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
                host.change(command)
            except CommandFailed as error:
                live = self.before[host.name]
                raise failure.unhealthy(
                    self.service, host, slot, self.release, live, error
                ) from None

        on_each(self.hosts, start)
        return f"healthy in {', '.join(sorted(set(self.slots.values())))}"

    def flip(self) -> str:
        """All hosts, or none: a host that fails flips itself back, and then we flip back the others."""

        def flip(host: Host) -> None:
            host.change(flip_to(self.service, self.slots[host.name], self.release.number))

        def back(host: Host) -> None:
            now = Live(self.slots[host.name], self.release.number)
            host.change(slots.point(self.service.layout, self.before[host.name], now))

        flipped, errors = attempt(self.hosts, flip)
        if errors:
            others = [host for host in self.hosts if host.name in flipped]
            _, still = attempt(others, back)
            raise failure.flipped_back(self.release, errors, [host.name for host in others], still)
        return f"verified through nginx, baked {self.service.settings.flip.bake:.0f} s"

    def finish(self) -> str:
        """Journal, drain and stop the old slot, prune, give the lease back."""

        def finish(host: Host) -> None:
            entry = self._entry(releases.GOOD)
            commands = [
                releases.record(self.service.layout, entry),
                *self._drain(self.before[host.name]),
                *self._prune(self.states[host.name], entry),
                lease.release(self.service.layout, self.fence, fenced=True),
            ]
            host.busy = False
            host.change(*commands)
            host.fence = None  # given back by the last command

        on_each(self.hosts, finish)
        old = sorted({live.slot for live in self.before.values() if live.slot})
        return f"{', '.join(old)} drained and stopped" if old else "recorded"

    def record(self) -> str:
        """Journal that the release is live."""
        entry = self._entry(releases.GOOD)
        on_each(self.hosts, lambda host: host.change(releases.record(self.service.layout, entry)))
        return f"release {self.release.number}"

    def record_failure(self, error: Exception) -> None:
        """So that its number is never used again. That this fails too must not hide why the deploy failed."""
        # Redacted like what is printed: the journal is read by others, and for longer.
        first, *_ = redactor()(str(error)).splitlines() or [""]
        entry = self._entry(releases.FAILED, first)
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

    def _entry(self, result: str, reason: str = "") -> Entry:
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
        )


def flip_to(service: Service, slot: str, release: int) -> Command:
    """Health gate, flag, verification through nginx and bake, as one command."""
    return slots.flip(
        service.layout,
        service.site,
        slot=slot,
        release=release,
        port=service.port(slot),
        health_path=service.health_path,
        bake=service.settings.flip.bake,
    )
