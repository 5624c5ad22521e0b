"""What a build is made from, as a digest: as git sees it, for a version, and as the engine gets it, for an image."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable

from edgepaas_tasks.images.building.context import BYPRODUCTS, Context, unreadable
from edgepaas_tasks.settings import Build


def of_sources(context: Context, build: Build) -> str:
    """No directories, and no mode but what git knows of one: a umask makes no other version."""
    instructions = context.instructions() if context.dockerfile.exists() else b""
    return _whole(_files(context, _as_git_has_it), instructions, build)


def of_image(context: Context, build: Build, *more: str) -> str:
    """All that is sent, with directories and modes, which an image gets too; and `more`.

    The base image and what the network serves are not part of it. Raises Refused when there is no Dockerfile.
    """
    return _whole(_files(context, _as_it_is_sent), context.instructions(), build, *more)


def _whole(files: str, instructions: bytes, build: Build, *more: str) -> str:
    parts = [files, hashlib.sha256(instructions).hexdigest(), sorted(build.args.items()), *more]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _as_git_has_it(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "link"
    if not stat.S_ISREG(mode):
        return ""
    return "program" if mode & stat.S_IXUSR else "file"


def _as_it_is_sent(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "link"  # some systems have modes of them
    return "" if stat.S_ISSOCK(mode) else f"{mode:o}"


def _files(context: Context, kind: Callable[[int], str]) -> str:
    """A digest of names, kinds and contents; what has no kind is left out."""
    whole = hashlib.sha256()
    for path, entry in context.entries(without=BYPRODUCTS):
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
            if known := kind(mode):
                content = _content(entry.path, mode)
                whole.update(os.fsencode(path) + b"\0" + known.encode() + b"\0" + content)
        except OSError as error:
            raise unreadable(error) from None
    return whole.hexdigest()


def _content(path: str, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return hashlib.sha256(os.fsencode(os.readlink(path))).digest()
    if not stat.S_ISREG(mode):
        return bytes(hashlib.sha256().digest_size)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
