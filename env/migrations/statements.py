"""What the statements of a SQL text take away, or may fail on where there are rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

HOLE = "\ufffc"  # stands for what is only known when a script runs
_BODY = re.compile(r"\$(\d+)\$")  # stands for a literal, or for the body of a function or a block
# Comments, quoted names, and those.
_APART = re.compile(
    r"--[^\n]*|/\*.*?\*/|(?P<name>\"[^\"]*\")|\bE'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|(?P<tag>\$\w*\$)(?P<body>.*?)(?P=tag)",
    re.S,
)
_NAME = rf'(?:[\w$.{HOLE}]|"[^"]*")+'
_KINDS = r"(?:FOREIGN\s+)?TABLE|(?:MATERIALIZED\s+)?VIEW|SEQUENCE|SCHEMA|TYPE|DOMAIN"
_GONE = rf"DROP\s+(?:{_KINDS}|DATABASE|EXTENSION|OWNED)\b|TRUNCATE\b|.*\b(?:DELETE\s+FROM|THEN\s+DELETE)\b"
_MOVED = r"ALTER\s+(?:(?:MATERIALIZED\s+)?VIEW|SEQUENCE|SCHEMA|TYPE|DOMAIN)\s.*\b(?:RENAME|SET\s+SCHEMA)\b"
_SQL = re.compile(f"{_GONE}|{_MOVED}", re.I | re.S)
_ALTER = re.compile(
    rf"ALTER\s+(?:FOREIGN\s+)?TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?({_NAME})[\s*]*(.*)",
    re.I | re.S,
)
_ACTION = re.compile(
    r"(?:RENAME|DROP)\b(?!\s+CONSTRAINT\b)|SET\s+SCHEMA\b|"
    rf"ALTER\s+(?:COLUMN\s+)?{_NAME}\s+(?:(?:SET\s+DATA\s+)?TYPE|SET\s+NOT\s+NULL)\b",
    re.I,
)
_ADDED = re.compile(
    r"ADD\b(?!\s+(?:CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b).*\bNOT\s+NULL\b",
    re.I | re.S,
)
_FILLED = re.compile(r"\b(?:DEFAULT|GENERATED|(?:SMALL|BIG)?SERIAL)\b", re.I)
_STORED = re.compile(r"CREATE\b", re.I)  # what it holds is not run now
_BLOCK = re.compile(r"DO\b", re.I)
# In a block: what a statement may stand behind, a text that is run included.
_BEFORE = re.compile(r";|'|\b(?:BEGIN|THEN|ELSE|LOOP)\b", re.I)
_MADE = re.compile(
    r"\bEXECUTE\b(?!\s*(?:(?:FORMAT\s*\(\s*)?'|FUNCTION\b|PROCEDURE\b|ON\b))", re.I
)  # a statement that the block puts together
_OPEN = re.compile(rf"(?:(?:DROP|ALTER|DO)\s+)?{HOLE}", re.I)


def losses(text: str) -> list[str]:
    """Those of its statements that lose something, each by how it begins."""
    found = (_BODY.sub("''", one).replace(HOLE, "…") for one in _losing(text))
    return [" ".join(one.split())[:80] for one in found]


def unreadable(text: str) -> bool:
    """Whether what it does is only known when it runs."""
    for statement, bodies in _statements(text):
        alter = _ALTER.match(statement)
        if _OPEN.match(statement) or (alter and any(map(_OPEN.match, _listed(alter[2])))):
            return True
        if _BLOCK.match(statement) and any(map(_MADE.search, bodies)):
            return True
    return False


def _statements(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each without its comments, literals and bodies; beside it the latter two."""
    bodies: list[str] = []

    def put(found: re.Match[str]) -> str:
        if found["name"]:
            return found[0]
        if found[0][:2] in ("--", "/*"):
            return " "
        bodies.append(found["body"] if found["tag"] else found[0].partition("'")[2][:-1])
        return f"${len(bodies) - 1}$"

    for statement in _APART.sub(put, text).split(";"):
        if statement.strip():
            inside = [bodies[int(one)] for one in _BODY.findall(statement)]
            yield statement.strip(), inside


def _losing(text: str) -> Iterator[str]:
    for statement, bodies in _statements(text):
        if _BLOCK.match(statement):
            for body in bodies:
                for piece in _BEFORE.split(body):
                    yield from _losing(piece)
        elif alter := _ALTER.match(statement):
            for action in _listed(alter[2]):
                if _ACTION.match(action) or (_ADDED.match(action) and not _FILLED.search(action)):
                    yield f"ALTER TABLE {alter[1]} {action}"
        elif _SQL.match(statement) and not _STORED.match(statement):
            yield statement


def _listed(actions: str) -> list[str]:
    """What stands between the commas that are in no parentheses."""
    found, depth = [""], 0
    for sign in actions:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [one.strip() for one in found]
