"""What `docker build` sends to the engine: the files of the build context that .dockerignore lets through.

The patterns are those of https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BYTECODE = (
    "__pycache__"  # made from the sources beside it, by whoever runs them: no difference of its own
)


@dataclass(frozen=True)
class Context:
    """A directory, seen through its .dockerignore."""

    folder: Path
    patterns: tuple[tuple[re.Pattern[str], bool], ...] = ()

    def sends(self, path: str) -> bool:
        """Whether a path, relative to the directory, goes to the engine. The last pattern that matches decides."""
        parts = path.split("/")
        ways = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        sent = True
        for pattern, included in self.patterns:
            # What matches a directory matches everything in it.
            if sent != included and any(pattern.fullmatch(way) for way in ways):
                sent = included
        return sent

    def files(self) -> Iterator[str]:
        """The paths that are sent, relative and sorted; a symbolic link counts as a file."""
        again = any(included for _, included in self.patterns)
        for base, folders, names in os.walk(self.folder):
            at = Path(base).relative_to(self.folder)
            links = [name for name in folders if (Path(base) / name).is_symlink()]
            # An excluded directory need not be entered, unless a pattern may include something in it again.
            folders[:] = sorted(
                name
                for name in folders
                if name not in links and (again or self.sends((at / name).as_posix()))
            )
            for name in sorted([*names, *links]):
                path = (at / name).as_posix()
                if self.sends(path):
                    yield path

    def hash(self) -> str:
        """A digest of names, modes and contents of what is sent."""
        digest = hashlib.sha256()
        for name in self.files():
            path = self.folder / name
            if BYTECODE in path.parts or name.startswith((".git/", ".edgepaas/")):
                continue
            if path.is_symlink():
                content, mode = os.fsencode(os.readlink(path)), 0o120000
            elif path.is_file():
                content, mode = path.read_bytes(), path.stat().st_mode & 0o111
            else:
                continue  # a socket
            digest.update(f"{name}\0{mode}\0".encode())
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()


def read(folder: Path) -> Context:
    """The context of a directory with the .dockerignore that is in it, if any."""
    try:
        text = (folder / ".dockerignore").read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        text = ""
    return Context(folder, tuple(_patterns(text)))


def _patterns(text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    for line in text.splitlines():
        if line.startswith("#") or not (words := line.strip()):
            continue
        included = words.startswith("!")
        path = os.path.normpath(words.removeprefix("!").strip()).lstrip("/")
        if path not in ("", "."):
            yield re.compile(expression(path)), included


def expression(pattern: str) -> str:
    """The pattern as a regular expression, by the rules of Go's filepath.Match and of `**`."""
    result, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                at += 1
                result += "(?:.*/)?"
            else:
                result += ".*"
            continue
        if char == "*":
            result += "[^/]*"
        elif char == "?":
            result += "[^/]"
        elif char == "[" and (end := pattern.find("]", at + 2)) > 0:
            inner = pattern[at + 1 : end].replace("\\", "\\\\")
            result += f"[{'^' + inner[1:] if inner[0] == '^' else inner}]"
            at = end
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            result += re.escape(pattern[at])
        else:
            result += re.escape(char)
        at += 1
    return result
