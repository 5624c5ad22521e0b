"""What an image starts: its entrypoint and command as words, and how they are run so that signals arrive."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys

_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
# Words that begin something else than one program: there `exec` would not do what the line did without it.
_NO_PROGRAM = re.compile(
    r"if|for|while|until|case|select|function|time|\{|\}|!|\[\[|\.|:|alias|bg|break|builtin|cd|command|continue|"
    r"declare|eval|exit|export|fg|getopts|hash|jobs|let|local|read|readonly|return|set|shift|source|times|trap|type|"
    r"typeset|ulimit|umask|unalias|unset|wait"
)


def words(arguments: list[str]) -> list[str]:
    """The command: `--image JSON` has an image's [entrypoint, command] as Docker tells them, else the words themselves.

    Raises ValueError for any other JSON.
    """
    if arguments[:1] != ["--image"]:
        return list(arguments)
    entrypoint, command = json.loads(arguments[1])
    return [str(word) for word in (*(entrypoint or ()), *(command or ()))]


def with_exec(given: list[str]) -> tuple[list[str], str]:
    """A shell's line that runs one program, with `exec` in front of it, so that the program is who gets SIGTERM.

    `A && B` counts: exec goes in front of B. Beside the words, a warning where the shell stays in between.
    """
    at = _line_at(given)
    if at == 0:
        return given, ""
    line = given[at]
    head, last = _split(line)
    first = _first(last)
    if first == "exec":
        return given, ""
    if not first:
        warning = (
            "the command is a shell's list, and the shell does not pass SIGTERM on: "
            "begin its last program with exec"
        )
        return given, warning
    return [*given[:at], f"{head}exec {last.lstrip()}", *given[at + 1 :]], ""


def interpreter(given: list[str]) -> str:
    """The Python that the command runs on, by its name or its script's first line; "" where neither tells."""
    at = _line_at(given)
    if at:
        try:
            given = shlex.split(_split(given[at])[1])
        except ValueError:
            return ""
        given = given[1:] if given[:1] == ["exec"] else given
    path = shutil.which(given[0]) if given else None
    if path is None:
        return ""
    if re.fullmatch(r"python[0-9.]*", os.path.basename(path)):
        return path
    try:
        with open(path, "rb") as file:
            first = file.readline(256).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    found = re.fullmatch(r"#!\s*(/\S*/python[0-9.]*)", first)
    return found[1] if found and os.access(found[1], os.X_OK) else ""


def continue_in(python: str) -> None:
    """Begins our own command line anew there, once: the app's Python knows its driver and its Alembic."""
    if not another(python) or os.environ.get("EDGEPAAS_PYTHON") == python:
        return
    try:
        with open("/proc/self/cmdline", "rb") as file:
            given = file.read().split(b"\0")[1:-1]
    except OSError:
        return
    os.environ["EDGEPAAS_PYTHON"] = python
    os.execv(python, [os.fsencode(python), *given])


def another(python: str) -> bool:
    """Whether it is not the Python that we run on. Of one environment, python and python3 are the same."""
    if not python:
        return False
    same_place = os.path.dirname(os.path.abspath(python)) == os.path.dirname(sys.executable)
    return not (same_place and os.path.realpath(python) == os.path.realpath(sys.executable))


def _line_at(given: list[str]) -> int:
    """The index of the shell's command line among the words; 0 if the command is not a shell."""
    if not given or os.path.basename(given[0]) not in _SHELLS:
        return 0
    for at, word in enumerate(given[1:4], 1):
        if re.fullmatch(r"-[a-z]*c", word):
            return at + 1 if at + 1 < len(given) else 0
    return 0


def _split(line: str) -> tuple[str, str]:
    """What stands up to the last && outside quotes, and the rest."""
    at = 0
    quote = ""
    index = 0
    while index < len(line):
        sign = line[index]
        if sign == "\\" and quote != "'":
            index += 1
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif line.startswith("&&", index):
            at = index + 2
            index += 1
        index += 1
    return line[:at] + (" " if at else ""), line[at:]


def _first(line: str) -> str:
    """The first word of a line that runs one program and nothing else; "" for any other line."""
    joined = line.replace("\\\n", " ").strip()
    if "\n" in joined:
        return ""
    joined = re.sub(r"[0-9]*[<>]&[0-9-]+", "", joined)  # 2>&1 is no list of programs
    lexer = shlex.shlex(joined, posix=True, punctuation_chars="();|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        found = list(lexer)
    except ValueError:
        return ""
    if not found or any(one and set(one) <= set("();|&") for one in found):
        return ""
    return "" if "=" in found[0] or _NO_PROGRAM.fullmatch(found[0]) else found[0]
