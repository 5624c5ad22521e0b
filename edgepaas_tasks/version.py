"""The version of what is deployed: the commit, and a hash of the files where they differ from it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.settings import SettingsError
from remote import local

# A Docker tag (distribution's reference grammar), shorter so that names stay readable.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Version:
    """`text` names the image's tag; `commit` is the full hash, empty outside a git checkout."""

    text: str
    commit: str


def settle(context: Path, asked: str) -> Version:
    """The asked version, else the commit, else (changed files, no git) a hash of the files themselves."""
    if asked and not _TAG.fullmatch(asked):
        raise SettingsError(
            f"--version {asked!r}: at most 64 letters, digits, dots, hyphens and underscores, "
            "no dot or hyphen first"
        )
    commit = _git(context, "rev-parse", "HEAD")
    if asked:
        return Version(asked, commit)
    if not commit:
        return Version(f"files-{_hash(context)}", "")
    if _git(context, "status", "--porcelain", "--", "."):
        return Version(f"{commit[:12]}-dirty-{_hash(context)}", commit)
    return Version(commit[:12], commit)


def _git(context: Path, *words: str) -> str:
    result = local.run("git", "-C", str(context), *words, ok=(0, 1, 127, 128))
    return result.text if result.code == 0 else ""


def _hash(context: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(context.rglob("*")):
        name = path.relative_to(context)
        if ".git" in name.parts or "__pycache__" in name.parts or not path.is_file():
            continue
        digest.update(f"{name}\0{path.stat().st_mode & 0o111}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:8]
