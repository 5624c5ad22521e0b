"""An image as `docker load` takes it, without the layers that the other side has, in parts that each stay there."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.images.shipping.content import ImageContent, Layer

CHUNK = 256 * 1024  # bytes at a time
PART = 16 * 1024 * 1024  # bytes after which a part is complete

_BLOCK = 512  # bytes; a tar's unit (POSIX pax interchange format)
_END = bytes(2 * _BLOCK)  # of a tar


@dataclass(frozen=True)
class Part:
    """An archive of `files`, in memory or on disk, by their names in it."""

    files: Mapping[str, bytes | Path]

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        padded = (-(-_size(file) // _BLOCK) * _BLOCK for file in self.files.values())
        return sum(padded) + len(self.files) * _BLOCK + len(_END)

    def chunks(self) -> Iterator[bytes]:
        for name, file in self.files.items():
            header = tarfile.TarInfo(name)
            header.size = _size(file)
            yield header.tobuf(tarfile.USTAR_FORMAT)
            yield from _content(file)
            yield bytes(-header.size % _BLOCK)
        yield _END


def parts(
    cargo: ImageContent, shared: int, labels: Mapping[str, str], *, whole: bool = False
) -> list[Part]:
    """The image without its `shared` lowest layers.

    Each part but the last one is an image of the layers so far, with `labels`: an engine drops the layers that no image
    has when a connection is cut. With `whole` all is one part, for engines that take only complete images; what such an
    engine calls it nobody else knows, so the archive names it.
    """
    found: list[Part] = []
    missing: list[Layer] = []
    for count, layer in enumerate(cargo.layers[shared:], shared + 1):
        missing.append(layer)
        last = count == len(cargo.layers)
        if not whole and not last and sum(one.size for one in missing) >= PART:
            found.append(_part(cargo, _lower(cargo, count, labels), missing, count))
            missing = []
    name = cargo.image.reference if whole else ""
    found.append(_part(cargo, cargo.config, missing, len(cargo.layers), name))
    return found


def framed(parts: Sequence[Part]) -> Iterator[bytes]:
    """The parts as load.sh reads them: each after its length, then a zero."""
    for part in parts:
        yield f"{part.size}\n".encode()
        yield from part.chunks()
    yield b"0\n"


def _part(
    cargo: ImageContent, config: bytes, layers: Sequence[Layer], count: int, name: str = ""
) -> Part:
    files: dict[str, bytes | Path] = {
        # docker takes a layer that it has for granted, and looks for no file of it.
        f"{layer.content[7:]}.tar": cargo.path(layer)
        for layer in layers
    }
    listed = {
        "Config": "config.json",
        "RepoTags": [name] if name else None,
        "Layers": [f"{layer.content[7:]}.tar" for layer in cargo.layers[:count]],
    }
    return Part({"config.json": config, "manifest.json": json.dumps([listed]).encode(), **files})


def _lower(cargo: ImageContent, count: int, labels: Mapping[str, str]) -> bytes:
    """The configuration of an image of the `count` lowest layers."""
    whole = json.loads(cargo.config)
    contents = [layer.content for layer in cargo.layers[:count]]
    return json.dumps(
        {
            "architecture": whole.get("architecture", ""),
            "os": whole.get("os", ""),
            "config": {"Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": contents},
        },
        sort_keys=True,
    ).encode()


def _size(file: bytes | Path) -> int:
    return len(file) if isinstance(file, bytes) else file.stat().st_size


def _content(file: bytes | Path) -> Iterator[bytes]:
    with io.BytesIO(file) if isinstance(file, bytes) else file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
