"""The images on a host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from remote.command import Command, argv, script

OWNER = "edgepaas.image"  # label of every image we built: its name
INPUTS = "edgepaas.inputs"  # label: a digest of what it was built from

# As the engine's templates have it: the id, what tells images of equal layers apart, the layers from the lowest.
FORM = (
    '{{.Id}} {{.Created}}/{{with .Config}}{{index .Labels "edgepaas.inputs"}}{{end}}'
    "{{range .RootFS.Layers}} {{.}}{{end}}"
)


def images() -> Command:
    """All images of the host with their layers, for `parse_images`."""
    return script("images", FORM).as_root().called("list the images")


def parse_images(text: str) -> dict[str, tuple[str, ...]]:
    """The layers of each image, from the lowest, by the image's id."""
    return {identifier: tuple(layers) for identifier, _, *layers in _lines(text)}


def parse_marks(text: str) -> dict[str, str]:
    """What tells images of equal layers apart, by the image's id."""
    return {identifier: mark for identifier, mark, *_ in _lines(text)}


def shared_layers(image: Sequence[str], there: Iterable[Sequence[str]]) -> int:
    """How many of an image's layers, from the lowest, the host has as the lowest ones of some image.

    A store keeps a layer together with all that lie below it, so only a common beginning counts.
    """
    return max((_common(image, layers) for layers in there), default=0)


def takes_partial_images(store: str) -> bool:
    """Whether `docker load` fills in layers it has: the graph drivers do, the containerd store is not known to."""
    return store in ("overlay2", "vfs", "btrfs", "zfs", "aufs", "devicemapper", "fuse-overlayfs")


def _lines(text: str) -> Iterator[list[str]]:
    return (line.split() for line in text.splitlines() if " " in line)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def load(image: str, timeout: float = 1800) -> Command:
    """Takes an image on stdin and checks that it is the one that was meant."""
    return script("load", image).as_root().within(timeout).called("load the image")


def tag(image: str, reference: str) -> Command:
    """Gives the image its name, so that an operator finds it."""
    return argv("docker", "tag", image, reference).as_root().called(f"tag {reference}")
