"""Whether the files of a build are as they were, by what the file system notes of each: no file is read."""

from __future__ import annotations

import hashlib
import os

from edgepaas_tasks.images.building.context import BYPRODUCTS, Context


def of(context: Context) -> str:
    """A value that differs after any change; it may also differ when nothing changed."""
    digest = hashlib.sha256()
    for path in (context.dockerfile, context.ignore):
        try:
            digest.update(_stamp(path.stat()))
        except OSError:
            digest.update(b"-")
    for name, entry in context.entries(without=BYPRODUCTS):
        digest.update(os.fsencode(name) + b"\0")
        if not entry.is_dir(follow_symlinks=False):  # its own times change with what is not sent
            digest.update(_stamp(entry.stat(follow_symlinks=False)))
    return digest.hexdigest()


def _stamp(of: os.stat_result) -> bytes:
    # The time of the inode's last change is nobody's to set, unlike that of the content.
    return f"{of.st_ino} {of.st_mode} {of.st_size} {of.st_mtime_ns} {of.st_ctime_ns}\n".encode()
