"""The two directories of a call: that of the project, where settings' paths start, and where it was typed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What Invoke reads a project's settings from. https://docs.pyinvoke.org/en/stable/concepts/configuration.html
SETTINGS = ("invoke.yaml", "invoke.yml", "invoke.json", "invoke.py")

_typed_in: list[Path] = []  # where a call that is under way was typed; empty outside of one


@contextlib.contextmanager
def in_project(c: Any) -> Iterator[None]:
    """Work in the project's directory, where its invoke.yaml is, and return to the former directory at the end.

    Does nothing for a context without a project, and inside another call.
    """
    folder = getattr(getattr(c, "config", None), "_project_prefix", None)
    if _typed_in or not folder or not os.path.isdir(folder):
        yield
        return
    _typed_in.append(Path.cwd())
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        _typed_in.clear()


def given(path: str) -> Path:
    """A path that was typed on the command line, which starts where the call was typed."""
    return (_typed_in[0] if _typed_in else Path()) / path


def project_above(folder: Path) -> Path:
    """The nearest directory, this one or one above it, that has settings of Invoke; this one where there is none."""
    for one in (folder, *folder.parents):
        if any((one / name).is_file() for name in SETTINGS):
            return one
    return folder
