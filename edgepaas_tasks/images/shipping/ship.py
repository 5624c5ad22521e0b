"""An image on its way to the hosts of a service that lack it, by the way that each host's image store takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping import archive, identity
from edgepaas_tasks.images.shipping import disk_space as room
from edgepaas_tasks.images.shipping import login as logins
from edgepaas_tasks.images.shipping import publish as publication
from edgepaas_tasks.images.shipping.archive import Part
from edgepaas_tasks.images.shipping.content import ImageContent, exported
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine import docker
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.result import Result
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.remote.ssh import forward
from edgepaas_tasks.service.service import Service

BAR = 20  # characters of a progress bar


@dataclass
class Shipping:
    """`states` is what the look under the lease saw, by host; `sent` counts image bytes over SSH.

    `release` afterwards has the image's id as the hosts call it.
    """

    service: Service
    hosts: Sequence[Host]
    states: Mapping[str, State]
    release: Release
    sent: int = field(default=0, init=False)

    def ship(self, here: Image | None) -> str:
        """Bring the image to every host that lacks it. Raises Refused or RemoteError, nothing changed but layers."""
        ids = {host.name: self._there(host.name, here) for host in self.hosts}
        lacking = [host for host in self.hosts if not ids[host.name]]
        told = "every host has the image"
        if lacking:
            if here is None:
                names = ", ".join(host.name for host in lacking)
                number = self.release.number
                raise Refused(
                    f"{names}: the image of release {number} is no longer there, nor on this machine"
                )
            for host in lacking:
                image.require_architecture(here, host.name, self.states[host.name].facts.arch)
            found, told = self._send(here, lacking)
            ids.update(found)
        if len(set(ids.values())) > 1:
            raise Refused(
                "the hosts keep images in stores of different kinds, and call the image differently "
                f"({', '.join(f'{name}: {one[:19]}' for name, one in ids.items())})",
                next_step="bring their engines to one version, or make two environments of them",
            )
        self.release = replace(self.release, image=next(iter(ids.values())))
        return told

    def _there(self, host: str, here: Image | None) -> str:
        """What the host calls the image, empty when it lacks it."""
        state = self.states[host]
        if self.release.image in state.images:
            return self.release.image
        return identity.on_host(here, state) if here is not None else ""

    def _send(self, here: Image, lacking: Sequence[Host]) -> tuple[dict[str, str], str]:
        shared = {host.name: self._shared(host, here) for host in lacking}
        if self.service.settings.image.transport == "registry":
            return self._published(here, lacking, shared)
        fewest = min(shared.values())
        with exported(here, here.layers[:fewest]) as taken:
            whole = sum(layer.size for layer in taken.layers)

            def bring(host: Host) -> str:
                packed = sum(layer.size for layer in taken.layers[shared[host.name] :])
                # Once as it comes, once unpacked.
                self._make_room(host, packed + here.size * packed // max(1, whole), here)
                return self._bring(host, taken, shared[host.name])

            found = on_each(lacking, bring)
            self.sent += taken.source.served
        count, every = len(here.layers), whole * len(lacking)
        return found, (
            f"{self.sent / 1e6:.2f} of {every / 1e6:.0f} MB to {len(lacking)} of {len(self.hosts)} hosts, "
            f"{count - fewest} of {count} layers, {max(0, every - self.sent) / 1e6:.0f} MB saved"
        )

    def _published(
        self, here: Image, lacking: Sequence[Host], shared: Mapping[str, int]
    ) -> tuple[dict[str, str], str]:
        """By a registry that both sides reach."""
        settings = self.service.settings
        server = settings.image.server
        login = logins.login(settings, server)
        source = publication.publish(settings, here)

        def pull(host: Host) -> str:
            self._make_room(host, 0 if shared[host.name] else here.size, here)
            named = (login.server, login.user, login.password) if login else ("", "", None)
            command = docker.pull(source, self.release.reference, *named, timeout=self._timeout)
            try:
                return self._verified(host, here, host.change(command), source.partition("@")[2])
            except CommandFailed as error:
                if error.code != docker.NOT_WHOLE:
                    raise
                return self._load_whole(host, here, error.got)

        found = on_each(lacking, pull)
        return (
            found,
            f"{len(lacking)} of {len(self.hosts)} hosts pulled {source[-19:]} from {server}",
        )

    def _shared(self, host: Host, here: Image) -> int:
        """How many of the lowest layers the host has, and can do without."""
        return docker.shared_layers(here.layers, self.states[host.name].images.values())

    def _bring(self, host: Host, taken: ImageContent, shared: int) -> str:
        """What the host calls the image, once it is there and verified."""
        if docker.is_graph_driver(self.states[host.name].facts.docker_store):
            labels = {docker.PART: self.service.layout.service}
            return self._load(host, taken, archive.parts(taken, shared, labels), taken.id)
        try:
            return self._pull(host, taken)
        except forward.ForwardRefused as refused:
            return self._load_whole(host, taken.image, f"sshd forwards no port ({refused})")
        except CommandFailed as error:
            if not shared:
                raise
            if error.code == docker.NOT_WHOLE:
                return self._load_whole(host, taken.image, error.got)
        host.notify("the store asks for layers that it has: offering all of them")
        with exported(taken.image, ()) as whole:
            try:
                return self._pull(host, whole)
            finally:
                self.sent += whole.source.served

    def _load_whole(self, host: Host, here: Image, why: str) -> str:
        """The last resort: every layer, including those that the host has."""
        host.notify(f"sending the whole image: {why}")
        with exported(here, ()) as whole:
            return self._load(host, whole, archive.parts(whole, 0, {}, whole=True))

    def _load(
        self, host: Host, taken: ImageContent, parts: Sequence[Part], identifier: str = ""
    ) -> str:
        """`identifier`: what the host must call it, where that is known."""
        service = self.service.layout.service
        command = docker.load(identifier, self.release.reference, service, self._timeout)
        chunks = self._counted(host, archive.framed(parts), sum(part.size for part in parts))
        try:
            results = host.stream(chunks, command)
        except CommandFailed as error:
            if error.code != docker.FOREIGN:
                raise
            raise identity.foreign(taken.image, host.name, error.got) from None
        return self._verified(host, taken.image, results, taken.id)

    def _pull(self, host: Host, taken: ImageContent) -> str:
        source = taken.source
        with host.forward(source.port) as port:
            name = f"127.0.0.1:{port}/{source.reading}@{taken.manifest}"
            host.notify("pulls the layers it lacks through SSH")
            command = docker.pull(name, self.release.reference, timeout=self._timeout)
            return self._verified(host, taken.image, host.change(command), taken.manifest)

    def _verified(self, host: Host, here: Image, results: Sequence[Result], digest: str) -> str:
        return identity.verified(here, host.name, self.states[host.name], results[-1], digest)

    @property
    def _timeout(self) -> float:
        return self.service.settings.build.timeout

    def _make_room(self, host: Host, size: int, here: Image) -> None:
        room.make(self.service, host, self.states[host.name], size, here.layers)

    def _counted(self, host: Host, chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
        sent = 0
        for chunk in chunks:
            yield chunk
            sent += len(chunk)
            self.sent += len(chunk)
            host.notify(f"{_bar(sent / size)} {sent / 1e6:.1f} of {size / 1e6:.1f} MB")


def _bar(part: float) -> str:
    full = min(BAR, int(BAR * part))
    return f"[{'#' * full}{'.' * (BAR - full)}]"
