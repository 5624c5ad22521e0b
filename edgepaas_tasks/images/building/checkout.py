"""What git says of a directory: the commit that it is of, and whether what is in it is the commit's.

Only a directory without any `.git` above it is in no repository. Where there is one, a git that says nothing is no
answer: a tree with changes would get the name of the commit, or lose its commit.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.result import Result

_SUBMODULE = "160000"  # the mode of its entry in the index


@dataclass(frozen=True)
class Checkout:
    """The work tree, from its top, that a directory is in; `commit` is the full hash of its HEAD."""

    folder: Path
    top: Path
    commit: str

    def differs(self, matters: Callable[[str], bool], *, everywhere: bool) -> bool:
        """Whether something that matters is not as committed; `matters` gets paths from the top.

        Below the directory only, unless it is to be everywhere. Such a path may be that of a directory.
        """
        return _differs(self.folder, self.top, matters, ":/" if everywhere else ".")

    def created(self) -> str:
        """The commit's time (RFC 3339)."""
        return _git(self.folder, "show", "-s", "--no-show-signature", "--format=%cI", "HEAD").text

    def source(self) -> str:
        """The repository's address, empty where it has none."""
        return _git(self.folder, "config", "--get", "remote.origin.url", ok=(0, 1)).text


def find(folder: Path) -> Checkout | None:
    """None outside a repository, and in one without any commit. Raises CommandFailed when git does not tell."""
    words = ("rev-parse", "--show-toplevel", "--verify", "--quiet", "HEAD")
    try:
        asked = _git(folder, *words, ok=(0, 1))
    except CommandFailed:
        if _repository(folder) is None:
            return None
        raise
    if asked.code == 0:
        top, _, commit = asked.text.rpartition("\n")
        return Checkout(folder, Path(top), commit)
    refs = _git(folder, "for-each-ref", "--count=1")
    if refs.stdout or refs.stderr:  # so this is not the time before the first commit
        raise _refused(folder, 1, "git rev-parse --verify HEAD", refs.stderr or "HEAD is no commit")
    return None


def _differs(folder: Path, top: Path, matters: Callable[[str], bool], spec: str) -> bool:
    words = ("ls-files", "--stage", "-v", "--full-name", "-z", "--", spec)
    entries = _git(folder, *words).stdout.split("\0")  # "H 100644 <hash> 0<tab>path"
    unseen = (one for one in entries if one[:1] == "S" or one[:1].islower())
    if any(matters(one.partition("\t")[2]) for one in unseen):
        # Git was told to overlook them (skip-worktree, assume-unchanged); an index made of the commit has no such flag.
        with tempfile.TemporaryDirectory(prefix="edgepaas-") as place:
            environment = {**os.environ, "GIT_INDEX_FILE": f"{place}/index"}
            _git(folder, "read-tree", "HEAD", env=environment)
            changed = _changed(folder, spec, environment)
    else:
        changed = _changed(folder, spec)
    if any(matters(path) for path in changed):
        return True
    # What a submodule ignores, or was told to overlook, only it knows.
    modules = (one.partition("\t")[2] for one in entries if one[2:8] == _SUBMODULE)
    return any(
        _differs(top / path, top / path, partial(_within, matters, path), ".")
        for path in modules
        if matters(path) and os.path.lexists(top / path / ".git")
    )


def _within(matters: Callable[[str], bool], folder: str, path: str) -> bool:
    return matters(f"{folder}/{path}")


def _changed(folder: Path, spec: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """What is not as committed, with what git ignores or does not know; directories of such as a whole."""
    words = ("--porcelain", "-z", "--no-renames", "--ignore-submodules=none")
    more = ("--ignored=matching", "--untracked-files=normal", "--", spec)
    told = _git(folder, "status", *words, *more, env=env).stdout.split("\0")
    return (entry[3:] for entry in told if entry)


def _git(
    folder: Path, *words: str, ok: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None
) -> Result:
    command = ("git", "-C", str(folder), *words)
    try:
        return local.run(*command, ok=ok, env=env, errors="surrogateescape")
    except CommandFailed as error:
        raise _refused(folder, error.code, error.tried, error.got) from None


def _refused(folder: Path, code: int, tried: str, got: str) -> CommandFailed:
    next_step = f"fix what {shlex.join(('git', '-C', str(folder), 'status'))} says"
    if code == 127:
        next_step = "install git"
    # For a repository of another user git says which command makes an exception.
    for line in got.splitlines():
        if "safe.directory" in line:
            next_step = line.strip()
    return CommandFailed(
        local.HERE,
        f"git cannot tell what of the repository {_repository(folder) or folder} is committed; nothing was changed",
        code=code,
        tried=tried,
        got=got,
        next_step=next_step,
    )


def _repository(folder: Path) -> Path | None:
    """The directory with a `.git` that is nearest, whatever that `.git` is worth."""
    real = folder.resolve()
    return next((one for one in (real, *real.parents) if os.path.lexists(one / ".git")), None)
