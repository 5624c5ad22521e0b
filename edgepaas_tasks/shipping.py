"""An image on its way to the hosts of a service that lack it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edgepaas_tasks import archive, readiness
from edgepaas_tasks.boundary import Refused
from edgepaas_tasks.image import Image
from edgepaas_tasks.service import Service
from remote import docker, facts, releases
from remote.facts import Disk
from remote.host import Host
from remote.parallel import on_each
from remote.releases import Release
from remote.service import State

MB = 2**20
UNPACKED = 2  # an image takes its place twice while it is loaded: as it came, and unpacked
SPARE = 64 * MB  # bytes that stay free
INODES = 1_000  # that a change of code may take


@dataclass
class Shipping:
    """`states` is what the look under the lease saw, by host; `sent` counts image bytes over SSH."""

    service: Service
    hosts: Sequence[Host]
    states: Mapping[str, State]
    release: Release
    sent: int = field(default=0, init=False)

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
