"""A command as a value: words kept apart until they are quoted, once, in `remote.batch`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Protocol


class Opaque(Protocol):
    """Bytes that may go to a host's stdin and nowhere else: a secret, as far as this package is concerned."""

    def reveal(self) -> bytes: ...


Stdin = bytes | Opaque

# Beside this file: importlib.resources would load what it needs for packages in archives, 20 ms.
SCRIPTS = tuple(
    Path(__file__).parent / folder for folder in ("scripts", "machine/scripts", "service/scripts")
)


def stdin_bytes(stdin: Stdin) -> bytes:
    """The bytes to send. Called only where they are written to a channel."""
    return stdin if isinstance(stdin, bytes) else stdin.reveal()


@dataclass(frozen=True)
class Command:
    """One program with its words, or one static script with its arguments.

    `name` is what people read (progress, errors, dry run). `ok` are the exit codes that are answers, not failures.
    `timeout` is in seconds; `most` is the largest answer in bytes that is taken from a host. A secret can only be
    `stdin`: words are plain text and are shown to people.
    """

    words: tuple[str, ...]
    name: str = ""
    stdin: Stdin | None = field(default=None, repr=False)
    root: bool = False
    ok: frozenset[int] = frozenset({0})
    timeout: float = 60.0
    most: int = 8 * 2**20
    body: str = ""  # text of the static script, empty for a plain program
    values: tuple[tuple[str, str], ...] = ()  # variables that the script finds set, by name

    def __post_init__(self) -> None:
        for word in (*self.words, *(text for _, text in self.values)):
            if not isinstance(word, str):
                raise TypeError(f"a word of a command is text, not {type(word).__name__}")
            if "\0" in word:
                raise ValueError(f"{self.words[0]}: a word of a command holds a NUL byte")

    def as_root(self) -> Command:
        return replace(self, root=True)

    def allow(self, *codes: int) -> Command:
        """Also take these exit codes for an answer."""
        return replace(self, ok=self.ok | frozenset(codes))

    def at_most(self, size: int) -> Command:
        """Take an answer of up to so many bytes."""
        return replace(self, most=size)

    def within(self, seconds: float) -> Command:
        return replace(self, timeout=seconds)

    def called(self, name: str) -> Command:
        return replace(self, name=name)

    def __str__(self) -> str:
        return self.name or shlex.join(self.words)


def argv(*words: str, stdin: Stdin | None = None) -> Command:
    """One program and its arguments."""
    if not words:
        raise ValueError("a command needs a program")
    return Command(words, stdin=stdin)


def script(
    name: str,
    /,
    *arguments: str,
    stdin: Stdin | None = None,
    uses: tuple[str, ...] = (),
    **values: str | int,
) -> Command:
    """The static script NAME.sh, with its input.

    `values` are variables that it finds set, under the same names; its first line demands them. `arguments` are a list
    of any length, as "$@". `uses` names scripts whose functions it calls.
    """
    body = "".join(source(one) for one in (*uses, name))
    given = tuple((key, str(value)) for key, value in values.items())
    return Command((name, *arguments), stdin=stdin, body=body, values=given)


@cache
def source(name: str) -> str:
    """The text of NAME.sh, which lies in the folder `scripts` beside the module that builds it. Names are unique."""
    paths = [folder / f"{name}.sh" for folder in SCRIPTS]
    return next(path for path in paths if path.exists()).read_text(encoding="utf-8")
