"""What `docker build` sends to the engine: what .dockerignore lets through of the build context.

https://docs.docker.com/build/concepts/context/#filename-and-location
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import patterns
from edgepaas_tasks.images.building.patterns import Patterns
from edgepaas_tasks.settings import Build

# No source of an app: git's own, our reports, and what Python makes of the sources beside it.
BYPRODUCTS = frozenset((".git", ".edgepaas", "__pycache__"))


@dataclass(frozen=True)
class Context:
    """A directory, seen through the patterns of the file `ignore`, where there is one."""

    folder: Path
    dockerfile: Path
    ignore: Path
    patterns: Patterns

    def sends(self, path: str) -> bool:
        """Whether a path, relative to the directory, goes to the engine."""
        return self.patterns.lets_through(self._last(path))

    def files(self, below: str = "") -> Iterator[str]:
        """The paths that are sent, relative and sorted, without directories; a symbolic link counts as a file."""
        return (path for path, entry in self.entries(below) if not _is_folder(entry))

    def entries(
        self, below: str = "", without: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """All that is sent, directories included, of the directory `below`; nothing that has a name of `without`.

        Raises Refused for what cannot be read.
        """
        return self._in(below, self._last(below) if below else -1, without)

    def has_sources(self, path: str) -> bool:
        """Whether something is sent of a path, which may be that of a directory, that is a source of the app."""
        if not BYPRODUCTS.isdisjoint(path.split("/")):
            return False
        place = self.folder / path
        if place.is_symlink() or not place.is_dir():
            return self.sends(path)
        return any(not _is_folder(entry) for _, entry in self.entries(path, BYPRODUCTS))

    def _in(
        self, folder: str, above: int, without: frozenset[str]
    ) -> Iterator[tuple[str, os.DirEntry[str]]]:
        if not self.patterns.may_let_through_below(above):
            return
        try:
            with os.scandir(self.folder / folder) as found:
                there = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            if not self.patterns.lets_through(above):
                return  # docker does not mind either
            raise unreadable(error) from None
        for entry in there:
            if entry.name in without:
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            last = self.patterns.last(path, above)
            sent = self.patterns.lets_through(last)
            inside = iter(self._in(path, last, without) if _is_folder(entry) else ())
            if not sent:  # a directory is, too, for what is let through in it
                first = list(itertools.islice(inside, 1))
                inside = itertools.chain(first, inside)
                sent = bool(first)
            if sent:
                yield path, entry
                yield from inside

    def _last(self, path: str) -> int:
        last, parts = -1, path.split("/")
        for end in range(1, len(parts) + 1):
            last = self.patterns.last("/".join(parts[:end]), last)
        return last

    def instructions(self) -> bytes:
        """The Dockerfile. Raises Refused when it is not there."""
        try:
            return self.dockerfile.read_bytes()
        except FileNotFoundError:
            raise Refused(
                f"build.context: there is no {self.dockerfile}; nothing was built",
                next_step="write one (inv init does, for an app that it knows), correct build.context or "
                "build.dockerfile, or deploy an image that is there: --image NAME",
            ) from None
        except OSError as error:
            raise unreadable(error) from None


def read(build: Build) -> Context:
    """Raises SettingsError where there is no such directory, Refused where what is to be ignored cannot be read."""
    folder = Path(build.context)
    if not folder.is_dir():
        raise SettingsError(f"edgepaas.build.context: {folder}: no such directory")
    dockerfile, ignore = folder / build.dockerfile, folder / ".dockerignore"
    own = Path(f"{dockerfile}.dockerignore")
    if own.exists() and image.buildkit().get("DOCKER_BUILDKIT") != "0":
        ignore = own  # the classic builder does not know it
    try:
        # A name in it need not be UTF-8, as those of files need not be.
        text = ignore.read_text("utf-8-sig", "surrogateescape")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise unreadable(error) from None
    return Context(folder, dockerfile, ignore, patterns.parse(text))


def shown(path: str) -> str:
    """A path for people, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unreadable(error: OSError) -> Refused:
    return Refused(
        f"the build context has what cannot be read: {shown(str(error.filename))} ({error.strerror}); "
        "nothing was built",
        next_step="chmod it, or add it to .dockerignore",
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)
