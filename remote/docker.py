"""The images on a host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from remote.command import Command, Stdin, argv, script

OWNER = "edgepaas.image"  # label of every image we built: its name
PART = (
    "edgepaas.part"  # label of an image that is the lower part of another, while that is on its way
)
INPUTS = "edgepaas.inputs"  # label: a digest of what it was built from

NOT_WHOLE = 52  # exit code of a pull into a store that has some layers only unpacked

# As the engine's templates have it: the id, what tells images of equal layers apart, the layers from the lowest.
FORM = (
    # An image without that label has "<no value>" there, or nothing, as the client's version will.
    '{{.Id}} {{.Created}}/{{with .Config}}{{with .Labels}}{{with index . "edgepaas.inputs"}}{{.}}{{end}}{{end}}{{end}}'
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


def load(image: str, reference: str, timeout: float = 1800) -> Command:
    """Takes an image on stdin, in parts, checks that it is the one that was meant, names it, and tells it."""
    command = script("load", image, reference, f"{PART}={_name(reference)}", FORM)
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
    """Fetches an image by its digest, which the engine verifies, names it, and tells it."""
    words = (source, reference, FORM, *((server, user) if password is not None else ()))
    command = script("pull", *words, stdin=password).as_root().within(timeout)
    return command.called(f"pull {source.rpartition('/')[2]}")


def parse_image(text: str) -> tuple[str, str, tuple[str, ...]]:
    """The id, the mark and the layers of the one image that was told."""
    identifier, mark, *layers = text.split()
    return identifier, mark, tuple(layers)


def part_label(reference: str) -> dict[str, str]:
    """The label of an image that is only the lower part of another."""
    return {PART: _name(reference)}


def _name(reference: str) -> str:
    """An image's name without its tag or digest."""
    path, slash, last = reference.partition("@")[0].rpartition("/")
    return path + slash + last.partition(":")[0]


def tag(image: str, reference: str) -> Command:
    """Gives the image its name, so that an operator finds it."""
    return argv("docker", "tag", image, reference).as_root().called(f"tag {reference}")
