"""~/.ssh/config and the system's, as ssh_config(5) has them, for paramiko: it knows no Include and not all of Match.

What files say is written as one text of Match blocks with the criteria that paramiko has. One that stands in a block of
an including file has the criteria of both.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

USER, SYSTEM = "~/.ssh/config", "/etc/ssh/ssh_config"
DEEPEST = 16  # files that include each other, as in OpenSSH

_LINE = re.compile(r"(\w+)(?:\s*=\s*|\s+)([^\s#].*)")
_CRITERION = re.compile(r"(!?)(\w+)(?:=(.*))?", re.S)
_ALONE = {"all", "canonical", "final"}
_JUDGED = {"host", "originalhost", "user", "localuser", "exec"}
_NEVER = "!originalhost *"
# Set for the hosts that a block may be about, though we cannot tell.
_UNJUDGED = "edgepaas_unjudged"


class ConfigError(Exception):
    """What cannot be understood: where it is, and why."""

    def __init__(self, place: str, problem: str) -> None:
        self.place = place
        self.problem = problem
        super().__init__(f"{place}: {problem}")


def load() -> Any:
    """paramiko's SSHConfig of the user's file and the system's; the first that sets something wins."""
    from paramiko import SSHConfig

    text = [
        line
        for file in (USER, SYSTEM)
        for line in ("Host *", *_top(Path(os.path.expanduser(file))))
    ]
    # paramiko does not do without CanonicalDomains where CanonicalizeHostname is set.
    return SSHConfig.from_text("\n".join([*text, "Host *", 'CanonicalDomains ""']))


def unjudged(found: Mapping[str, Any]) -> str:
    """The Match line whose block a host's settings may lack, since we cannot judge its criteria; empty for none."""
    return str(found.get(_UNJUDGED, ""))


def identities(found: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """A host's IdentityFiles: those that can be read, and those that are passed over, as OpenSSH does."""
    names = [name for name in found.get("identityfile", []) if name.lower() != "none"]
    there = [name for name in names if readable(Path(name))]
    return there, [name for name in names if name not in there]


def readable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)


def _top(path: Path) -> Iterator[str]:
    if path.is_file():
        yield from _read(path, path.parent, (), 1)


def _read(path: Path, base: Path, within: tuple[str, ...], depth: int) -> Iterator[str]:
    """The lines of a file whose blocks are `within` those that include it; relative names are below `base`."""
    if depth > DEEPEST:
        raise ConfigError(str(path), f"included more than {DEEPEST} deep: by itself?")
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise ConfigError(str(path), str(error.strerror)) from None
    block = within
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        place = f"{path}:{number}"
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ConfigError(place, f"{line!r}: expected a keyword and a value")
        key, value = match[1].lower(), match[2]
        if key == "include":
            for name in _words(value, place):
                for file in _files(name, base, place):
                    yield from _read(file, base, block, depth + 1)
            yield _header(block)
        elif key == "host":
            block = (*within, _host(_words(value, place)))
            yield _header(block)
        elif key == "match":
            criteria, foreign = _match(_words(value, place), place)
            block = (*within, *criteria)
            if foreign:
                yield from (_header(block), f"{_UNJUDGED} Match {foreign} ({place})")
                block = (*block, _NEVER)
            yield _header(block)
        else:
            yield f"{key} {value if key.endswith('command') else _without_comment(value)}"


def _files(name: str, base: Path, place: str) -> Iterator[Path]:
    """The files that a word of Include names, in lexical order; possibly none."""
    if "%" in name:
        raise ConfigError(place, f"{name}: % in the name of a file is not understood")
    name = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], match[0]), name)
    for found in sorted(glob.glob(str(base / os.path.expanduser(name)))):
        if Path(found).is_file():
            yield Path(found)


def _header(criteria: tuple[str, ...]) -> str:
    return f"Match {' '.join(criteria)}" if criteria else "Host *"


def _host(patterns: list[str]) -> str:
    # In a criterion a comma separates patterns; in a Host line it is a letter that no host's name has.
    names = ",".join(pattern for pattern in patterns if "," not in pattern)
    return f"originalhost {shlex.quote(names)}" if names else _NEVER


def _match(words: list[str], place: str) -> tuple[list[str], str]:
    """The criteria of a Match line as paramiko takes them, and the first that it would take for met unseen."""
    criteria, foreign = [], ""
    words = list(words)
    while words:
        match = _CRITERION.fullmatch(words.pop(0))
        if match is None:
            raise ConfigError(place, "Match: expected criteria and their values")
        negated, kind, value = match[1], match[2].lower(), match[3]
        if kind in _ALONE:
            criteria += [_NEVER] if negated and kind == "all" else []
            criteria += [f"{negated}{kind}"] if kind != "all" else []
            continue
        if words and words[0] == "=":
            words.pop(0)
        if not value and not words:
            raise ConfigError(place, f"Match {kind}: a value is missing")
        value = value or words.pop(0)
        if kind in _JUDGED:
            criteria.append(f"{negated}{kind} {shlex.quote(value)}")
        else:
            foreign = foreign or kind
    return criteria, foreign


def _words(value: str, place: str) -> list[str]:
    """The words of a line up to a comment, without their quotes."""
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    found: list[str] = []
    try:
        for word in lexer:
            if word.startswith("#"):
                break
            found.append(word)
    except ValueError as error:
        raise ConfigError(place, f"{value!r}: {error}") from None
    return found


def _without_comment(value: str) -> str:
    before, *comment = re.split(r"\s+#", value, maxsplit=1)
    return before if comment and before.count('"') % 2 == 0 else value
