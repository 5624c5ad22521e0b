"""An image as `docker save` writes it, sent without the layers that the other side has."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edgepaas_tasks.image import Image
from remote import local

CHUNK = 256 * 1024  # bytes at a time
SAVE = 900.0  # seconds for docker save

_BLOCK = 512  # bytes; a tar's unit (POSIX pax interchange format)


class Archive:
    """A saved image on this machine's disk, read once for every host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with tarfile.open(path) as tar:
            (manifest,) = json.load(_file(tar, "manifest.json"))
            self._layers: list[str] = manifest["Layers"]
            # Old layouts link a layer's file to an equal one; the target has to travel then.
            links = {
                one.name: one.linkname for one in tar.getmembers() if one.issym() or one.islnk()
            }
        self._linked = bool(links)

    def size(self, shared: int) -> int:
        """Bytes of the archive without its `shared` lowest layers, but for the tar's own blocks."""
        skipped = self._skipped(shared)
        with tarfile.open(self._path) as tar:
            return sum(member.size for member in tar if member.name not in skipped)

    def _skipped(self, shared: int) -> set[str]:
        return set() if self._linked else set(self._layers[:shared])

    def chunks(self, shared: int) -> Iterator[bytes]:
        """The archive without its `shared` lowest layers."""
        skipped = self._skipped(shared)
        with tarfile.open(self._path) as tar:
            for member in tar:
                if member.name in skipped or member.isdir():
                    continue
                yield member.tobuf(tarfile.GNU_FORMAT)
                if member.isfile():
                    yield from _content(tar, member)
        yield bytes(2 * _BLOCK)  # the end of a tar


@contextmanager
def saved(image: Image) -> Iterator[Archive]:
    """The image as a file of this machine, removed afterwards. Raises CommandFailed."""
    with tempfile.TemporaryDirectory(prefix="edgepaas-") as folder:
        path = Path(folder) / "image.tar"
        local.run("docker", "save", "--output", str(path), image.reference, timeout=SAVE)
        yield Archive(path)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = tar.extractfile(member)
    assert file is not None
    while chunk := file.read(CHUNK):
        yield chunk
    if member.size % _BLOCK:
        yield bytes(_BLOCK - member.size % _BLOCK)


def _file(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name)
    assert file is not None
    return file
