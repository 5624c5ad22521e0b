"""One release on its way to the hosts that have its image: what it is, where it goes, what is put on record.

Its phases are in `prepare`, `traffic` and `finish`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from edgepaas_tasks.console.task import redactor
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.remote.batch import Fence
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import other
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.remote.service import releases, slots
from edgepaas_tasks.remote.service.releases import Entry, Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service, who


@dataclass
class Rollout:
    """`states` is what the look under the lease saw, by host.

    `database` is what a release in try_postgres is to be on: a mode, "" for whatever answers where the live release is
    not on SQLite, None for what the live release is on.
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
        slot, service = self.slots[host], self.service
        container = self.states[host].containers.get(slot)
        wanted = slots.wanted(service.spec, release, service.port(slot))
        return (
            container is not None
            and container.running
            and (container.release, container.spec) == (release.number, wanted)
            # One that tries Postgres has decided for itself, and perhaps otherwise than the live one.
            and release.database != modes.TRYING
        )

    def database_of(self, host: Host) -> str:
        """What a release that tries Postgres is to be on there; "" for whatever answers."""
        live = modes.live(self.states[host.name]).mode
        # That it may leave Postgres does not say that it is to leave the rows of a file.
        if self.database is None or (self.database == "" and live == modes.SQLITE):
            return live
        return self.database

    def record_failure(self, error: Exception) -> None:
        """So that its number is never used again. That this fails too must not hide why the deploy failed."""
        if self.committed:
            return  # it stays, where it is
        # Redacted like what is printed: the journal is read by others, and for longer.
        first, *_ = redactor()(str(error)).splitlines() or [""]
        entry = self.entry(releases.FAILED, first[:1000])
        with suppress(Exception):
            attempt(
                self.hosts, lambda host: host.change(releases.record(self.service.layout, entry))
            )

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
