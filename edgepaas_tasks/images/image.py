"""The images on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.machine import docker


@dataclass(frozen=True)
class Image:
    """An image as this machine's engine shows it.

    `id` is what that engine calls it: the digest of the configuration, or of the manifest where its `store` is
    containerd's. `layers` are the digests of its unpacked layers from the lowest, and `configuration` a digest of what
    the engine tells of its configuration, both the same everywhere. `size` in bytes; `inputs` is the label of `build`,
    empty for others'. `published` is the name with the digest under which the registry was just seen to have it.
    """

    reference: str
    id: str
    size: int = 0
    layers: tuple[str, ...] = ()
    configuration: str = ""
    inputs: str = ""
    architecture: str = ""
    store: str = ""
    published: str = ""

    @property
    def content(self) -> docker.Content:
        return docker.Content(self.layers, self.configuration)


# Lines before what `docker.FORM` tells. Newer engines have no graph driver at all in containerd's store.
_FORM = (
    "{{.Size}}\n{{.Architecture}}\n{{with .GraphDriver}}{{.Name}}{{end}}\n"
    f'{{{{with .Config}}}}{{{{with .Labels}}}}{{{{index . "{docker.INPUTS}"}}}}{{{{end}}}}{{{{end}}}}\n'
    f"{docker.FORM}"
)


def look(reference: str) -> Image | None:
    """The image of that name or id on this machine, None when it is not here."""
    result = local.run("docker", "image", "inspect", "--format", _FORM, reference, ok=(0, 1, 127))
    if result.code != 0:
        return None
    size, architecture, store, inputs, told = result.text.split("\n", 4)
    identifier, content = docker.parse_image(told)
    return Image(
        reference,
        identifier,
        int(size),
        content.layers,
        content.configuration,
        inputs,
        architecture,
        store,
    )


def find(reference: str) -> Image:
    """Like `look`. Raises Refused when it is not here."""
    found = look(reference)
    if found is None:
        raise Refused(f"this machine has no image {reference}")
    return found


def require_architecture(found: Image, host: str, machine: str) -> None:
    """Raises Refused when the image does not run on a host of that machine (uname -m)."""
    if machine and found.architecture not in ("", architecture(machine)):
        raise Refused(
            f"{host}: this host is {machine}, and {found.reference} is for {found.architecture}; nothing was changed",
            next_step=f"build it for linux/{architecture(machine)}",
        )


def architecture(machine: str) -> str:
    """What images call it (GOARCH), from what uname -m calls it."""
    return {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}.get(
        machine, machine
    )


def kind(machines: Mapping[str, str]) -> str:
    """The architecture of an image for all hosts, empty where none tells its own; `machines` is uname -m by host.

    Raises Refused when no one image runs on all of them.
    """
    wanted = {architecture(machine) for machine in machines.values() if machine}
    if len(wanted) > 1:
        raise Refused(
            f"the hosts are of different kinds ({named(machines)}), and an image is for one",
            next_step="make an environment for each kind",
        )
    return wanted.pop() if wanted else ""


def named(machines: Mapping[str, str]) -> str:
    return ", ".join(f"{host}: {machine}" for host, machine in machines.items())


def platform(machines: Mapping[str, str]) -> str:
    """What to build for, empty for what this machine's engine builds anyway; `machines` is uname -m by host.

    Raises Refused when no one image runs on all of them, or this machine cannot build it.
    """
    wanted = kind(machines)
    own = local.run("docker", "version", "--format", "{{.Server.Arch}}", ok=(0, 1, 127)).text
    if not wanted or not own or wanted == own:
        return ""
    name = f"linux/{wanted}"
    can = local.run("docker", "buildx", "inspect", "--bootstrap", ok=(0, 1, 125, 127)).text
    if not re.search(rf"Platforms:.*\b{re.escape(name)}\b", can):
        raise Refused(
            f"the hosts need an image for {name} ({named(machines)}), and this machine builds for linux/{own} only; "
            "nothing was changed",
            next_step="build on such a machine (a runner of that kind), or install QEMU's emulation for buildx, "
            "or give --image",
        )
    return name


def require_engine() -> None:
    """Raises Refused when no Docker engine answers on this machine."""
    result = local.run("docker", "version", "--format", "{{.Server.Version}}", ok=(0, 1, 127))
    if result.code != 0:
        raise Refused(
            "this machine has no running Docker engine to build with",
            got=result.tail(2),
            next_step="start Docker (for the lab: inv lab.up does)",
        )


def buildkit() -> dict[str, str]:
    """The client's environment: BuildKit where client and engine have it, the classic builder otherwise."""
    environment = dict(os.environ)
    # Without its plug-in a client from 23 on cannot drive BuildKit; the older ones bring it along.
    if local.run("docker", "buildx", "version", ok=(0, 1, 125, 127)).code != 0:
        form = "{{.Client.Version}}"
        client = local.run("docker", "version", "--format", form, ok=(0, 1, 127)).text
        major = client.partition(".")[0]
        old = major.isdigit() and 18 < int(major) < 23
        environment["DOCKER_BUILDKIT"] = "1" if old else "0"
    environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"  # an image, not an index around one
    return environment
