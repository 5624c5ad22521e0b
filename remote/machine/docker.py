"""The images on a host."""

from __future__ import annotations

import binascii
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..command import Command, Stdin, argv, script
from ..question import Question, question

OWNER = "edgepaas.image"  # label of every image we built: its name
# Label of an image that is the lower part of another, while that is on its way: the service that it is for.
PART = "edgepaas.part"
INPUTS = "edgepaas.inputs"  # label: a digest of what it was built from

FOREIGN = 50  # exit code of a load that brought another image than was meant
NOT_WHOLE = 52  # exit code of a pull into a store that has some layers only unpacked


@dataclass(frozen=True)
class Content:
    """What an image is, whichever store keeps it: its layers from the lowest, and a digest of its configuration."""

    layers: tuple[str, ...]
    configuration: str


def _fields(*names: str) -> str:
    # An engine shows what is not set as null, as empty, or not at all.
    return "".join(f"{{{{with .{name}}}}} {name}={{{{json .}}}}{{{{end}}}}" for name in names)


# A template of docker image inspect. A line with the id and the layers; then one with all that a container gets from
# the image, and its labels. Names as in the client's own types (ID, not Id): the template sees those, not the JSON.
FORM = (
    "{{.ID}}{{range .RootFS.Layers}} {{.}}{{end}}\n"
    '{{.Os}}/{{.Architecture}} {{if ne .Created "0001-01-01T00:00:00Z"}}{{.Created}}{{end}}'
    "{{with .Config}}"
    + _fields("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir")
    + _fields("Labels", "StopSignal", "Shell")
    + "{{with .Healthcheck}}"
    + _fields("Test", "Interval", "Timeout", "StartPeriod", "Retries")
    + "{{end}}{{end}}"
)


def images() -> Question[dict[str, Content]]:
    """All images of the host with what they are, by id."""
    return question(script("images", FORM).as_root().called("list the images"), parse_images)


def parse_images(text: str) -> dict[str, Content]:
    """What each image is, by its id; empty if the answer cannot be unpacked."""
    try:
        told = zlib.decompress(binascii.a2b_base64(text), wbits=31).decode()  # 31: gzip
    except (ValueError, zlib.error):
        return {}
    return dict(_contents(told))


def parse_image(text: str) -> tuple[str, Content]:
    """The id of the one image that was told, and what it is."""
    (found,) = _contents(text)
    return found


def shared_layers(image: Sequence[str], there: Iterable[Content]) -> int:
    """How many of an image's layers, from the lowest, the host has as the lowest ones of some image.

    A store keeps a layer together with all that lie below it, so only a common beginning counts.
    """
    return max((_common(image, content.layers) for content in there), default=0)


def nearest(image: Sequence[str], there: Mapping[str, Content], preferred: str = "") -> str:
    """Which image has the most of an image's lowest layers; of equals `preferred`, empty if none has any."""

    def shared(identifier: str) -> tuple[int, bool]:
        return _common(image, there[identifier].layers), identifier == preferred

    found = max(there, key=shared, default="")
    return found if found and shared(found)[0] else ""


def is_graph_driver(store: str) -> bool:
    """Whether a store calls an image by the digest of its configuration, and `docker load` fills in layers it has.

    containerd's store calls it by the digest of its manifest, and is not known to fill in any.
    """
    return store in ("overlay2", "vfs", "btrfs", "zfs", "aufs", "devicemapper", "fuse-overlayfs")


def _contents(text: str) -> Iterator[tuple[str, Content]]:
    lines = text.split("\n")
    for first, second in zip(lines[::2], lines[1::2], strict=False):
        identifier, *layers = first.split() or [""]
        if identifier:
            digest = hashlib.sha256(second.strip().encode()).hexdigest()
            yield identifier, Content(tuple(layers), digest)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def load(image: str, reference: str, service: str, timeout: float = 1800) -> Command:
    """Takes an image on stdin, in parts, names it, and tells it, for `parse_image`.

    `image` is the digest of its configuration, or empty for a store that calls it otherwise: there it is what the
    archive gave that name to. Exit FOREIGN: another image came.
    """
    command = script("load", image=image, name=reference, label=f"{PART}={service}", form=FORM)
    return command.as_root().within(timeout).called("load the image")


def pull(
    source: str,
    reference: str,
    server: str = "",
    user: str = "",
    password: Stdin | None = None,
    *,
    timeout: float = 1800,
) -> Command:
    """Fetches an image by its digest, which the engine verifies, names it, and tells it, for `parse_image`."""
    login = (server, user) if password is not None else ("", "")
    command = script(
        "pull",
        stdin=password,
        source=source,
        name=reference,
        form=FORM,
        server=login[0],
        user=login[1],
    )
    return command.as_root().within(timeout).called(f"pull {source.rpartition('/')[2]}")


def tag(image: str, reference: str) -> Command:
    """Gives the image its name, so that an operator finds it."""
    return argv("docker", "tag", image, reference).as_root().called(f"tag {reference}")
