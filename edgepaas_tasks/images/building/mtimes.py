"""Whether the files of a build are as they were, by what the file system notes of each: no file is read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from edgepaas_tasks.images.building.context import BYPRODUCTS, Context

Stamps = Mapping[str, str]  # of each file, by its path in the context


def of(context: Context) -> Stamps:
    """A stamp of each file that differs after any change of it; it may also differ when nothing changed."""
    found = {}
    for path in (context.dockerfile, context.ignore):
        try:
            found[os.path.relpath(path, context.folder)] = _stamp(path.stat())
        except OSError:
            continue
    for name, entry in context.entries(without=BYPRODUCTS):
        # A directory's own times change with what is not sent.
        is_folder = entry.is_dir(follow_symlinks=False)
        found[name] = "" if is_folder else _stamp(entry.stat(follow_symlinks=False))
    return found


def changed(before: Stamps, now: Stamps) -> list[str]:
    """The paths that differ, in the order of their names."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _stamp(of: os.stat_result) -> str:
    # The time of the inode's last change is nobody's to set, unlike that of the content.
    return f"{of.st_ino} {of.st_mode} {of.st_size} {of.st_mtime_ns} {of.st_ctime_ns}"
