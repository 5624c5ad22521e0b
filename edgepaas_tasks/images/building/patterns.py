"""The patterns of a .dockerignore, and of the sources of COPY.

https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Patterns:
    """In the order of the file, each with whether it lets through again (`!`) what it matches."""

    each: tuple[tuple[re.Pattern[str], bool], ...] = ()

    def last(self, path: str, above: int = -1) -> int:
        """Which pattern decides: the last that matches the path or a directory above it, -1 for none.

        `above` is the answer for the directory that the path is in: what matches a directory matches all in it.
        """
        for index in range(len(self.each) - 1, above, -1):
            if self.each[index][0].fullmatch(path):
                return index
        return above

    def lets_through(self, last: int) -> bool:
        return last < 0 or self.each[last][1]

    def may_let_through_below(self, last: int) -> bool:
        """Whether something in a directory may be let through; `last` is the answer for the directory."""
        return self.lets_through(last) or any(again for _, again in self.each[last + 1 :])


def parse(text: str) -> Patterns:
    return Patterns(tuple(_each(text)))


def _each(text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    for line in text.split("\n"):
        if line.startswith("#") or not (words := line.strip()):
            continue
        again = words.startswith("!")
        path = os.path.normpath(words.removeprefix("!").strip()).lstrip("/")
        if path not in ("", "."):
            yield re.compile(expression(path), re.DOTALL), again


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
