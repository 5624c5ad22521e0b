"""One release on its way to the hosts of a service: ship, stage, start, flip, finish.

Every method is one phase, at most one round trip a host, the hosts side by side. Until `flip` nothing that serves
traffic is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from edgepaas_tasks import archive, failure, migrations, readiness
from edgepaas_tasks.boundary import Refused
from edgepaas_tasks.environment import Environment
from edgepaas_tasks.image import Image
from edgepaas_tasks.service import Service, who
from remote import docker, facts, lease, nginx, releases, slots
from remote.batch import Fence
from remote.command import Command
from remote.errors import CommandFailed
from remote.facts import Disk
from remote.host import Host
from remote.layout import other
from remote.parallel import attempt, on_each
from remote.releases import Entry, Release
from remote.service import State
from remote.slots import Live

MB = 2**20
UNPACKED = 2  # an image takes its place twice while it is loaded: as it came, and unpacked
SPARE = 64 * MB  # bytes that stay free
INODES = 1_000  # that a change of code may take


@dataclass
class Rollout:
    """`states` is what the look under the lease saw, by host; `sent` counts image bytes over SSH."""

    service: Service
    hosts: Sequence[Host]
    states: Mapping[str, State]
    fence: Fence
    release: Release
    action: str
    begun: int
    sent: int = field(default=0, init=False)

    @property
    def before(self) -> dict[str, Live]:
        """Where each host's flag led when we looked."""
        return {name: state.live for name, state in self.states.items()}

    @property
    def slots(self) -> dict[str, str]:
        """The slot that the release takes on each host: the one that is not live."""
        return {name: other(live.slot) for name, live in self.before.items()}

    def ship(self, here: Image | None) -> str:
        """Bring the image to every host that lacks it."""
        lacking = [h for h in self.hosts if self.release.image not in self.states[h.name].images]
        if not lacking:
            return "every host has the image"
        if here is None:
            names = ", ".join(host.name for host in lacking)
            number = self.release.number
            raise Refused(
                f"{names}: the image of release {number} is no longer there, nor on this machine"
            )
        timeout = self.service.settings.build.timeout
        with archive.saved(here) as saved:
            shared = {host.name: self._shared(host, here) for host in lacking}
            on_each(lacking, lambda host: self._make_room(host, saved.size(shared[host.name])))

            def send(host: Host) -> None:
                chunks = self._counted(host, saved.chunks(shared[host.name]))
                host.stream(chunks, docker.load(here.id, timeout))

            on_each(lacking, send)
        layers = len(here.layers)
        fewest = min(shared.values())
        return (
            f"{self.sent / 1e6:.1f} of {here.size * len(lacking) / 1e6:.0f} MB "
            f"to {len(lacking)} of {len(self.hosts)} hosts, {layers - fewest} of {layers} layers"
        )

    def _shared(self, host: Host, here: Image) -> int:
        """How many of the lowest layers the host has, and can do without."""
        state = self.states[host.name]
        if not docker.takes_partial_images(state.facts.docker_store):
            return 0
        return docker.shared_layers(here.layers, state.images.values())

    def _make_room(self, host: Host, bytes: int) -> None:
        """Prunes by the ledger where the disk is short. Raises Refused with the numbers when that is not enough."""
        need = UNPACKED * bytes + SPARE
        state = self.states[host.name]
        disk = readiness.docker_disk(state.facts)
        pruned = ""
        # A code-only change is a few files; a whole image is many.
        inodes = INODES if bytes < SPARE else readiness.MINIMUM_INODES
        if disk is not None and _short(disk, need, inodes):
            command = releases.prune(
                self.service.layout, dict(state.releases), state.history, state.live.release, 1
            )
            if command is not None:
                *_, said, probe = host.change(command, facts.probe().as_root())
                disk = readiness.docker_disk(facts.parse(probe.stdout))
                pruned = f", after removing {len(said.text.splitlines())} old releases and images"
        if disk is not None and _short(disk, need, inodes):
            raise Refused(
                f"{host.name}: {disk.path} has {disk.free_bytes // MB} MB and {disk.free_inodes} "
                f"inodes free{pruned}; this image takes {need // MB} MB and about "
                f"{inodes} inodes\n"
                "  next:  docker system df on the host tells what uses it; or a larger volume"
            )

    def stage(self, composed: Environment | None) -> str:
        """Write the release's directory (a kept release has one) and nginx's file, tested before it is used."""
        layout = self.service.layout
        commands = [
            nginx.configure(self.service.site),
            docker.tag(self.release.image, self.release.reference),
        ]
        if composed is not None:
            commands += releases.stage(layout, self.release, composed.text)
        answers = on_each(self.hosts, lambda host: host.change(*commands))
        told = {results[0].text for results in answers.values()}
        site = "nginx as it was" if told == {"same"} else "nginx has a new configuration"
        return f"release {self.release.number}, {site}"

    def migrate(self, composed: Environment, *, allow_destructive: bool) -> str:
        """Bring the schema to the new image's revision: once, from the new image, on one host."""
        return migrations.up(
            self.service,
            self.hosts[0],
            self.release.image,
            composed,
            allow_destructive=allow_destructive,
        )

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
        entry = self._entry(releases.FAILED, str(error).splitlines()[0])
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

    def _counted(self, host: Host, chunks: Iterator[bytes]) -> Iterator[bytes]:
        sent = 0
        for chunk in chunks:
            yield chunk
            sent += len(chunk)
            self.sent += len(chunk)
            host.tell(f"{sent / 1e6:.0f} MB sent")


def _short(disk: Disk, bytes: int, inodes: int) -> bool:
    free = disk.free_inodes
    return disk.free_bytes < bytes or (free is not None and free < inodes)


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
