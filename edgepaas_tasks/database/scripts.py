"""One migration script, parsed and not loaded: its revision, the revisions that it names, and its losses."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepaas_tasks.env.migrations.losses import destructive

_LEGACY = re.compile(r"([a-f0-9]+)\.py$")  # a name that is the revision, where the script sets none
_NAMES = ("revision", "down_revision", "depends_on", "branch_labels")
# By these a script can set any name of its module.
_REACHING = ("exec", "globals", "locals", "vars", "setattr", "__dict__")
_COMPUTED = object()  # the value of a name that is not written down


@dataclass(frozen=True)
class Mistake:
    """What is certainly wrong: every image with these scripts would be refused."""

    found: str
    next_step: str


class Unknown(Exception):
    """What cannot be told on this machine."""


class Wrong(Exception):
    """What is certainly wrong with a script."""

    def __init__(self, found: str, next_step: str) -> None:
        super().__init__(found)
        self.mistake = Mistake(found, next_step)


@dataclass(frozen=True)
class Script:
    """`name` is its path in the build context; `after` and `needs` are the revisions that it names.

    `losses` are the destructive operations of its upgrade, with file and line.
    """

    path: Path
    name: str
    revision: str
    after: tuple[str, ...]
    needs: tuple[str, ...]
    labels: tuple[str, ...]
    losses: tuple[str, ...]


def read(name: str, path: Path) -> Script:
    """Raises Wrong where Alembic could not load it either, Unknown where only running it would tell."""
    try:
        return _read(name, path)
    except OSError as error:
        raise Unknown(f"{name} cannot be read: {error.strerror}") from None
    except (RecursionError, MemoryError):
        raise Unknown(f"{name} is nested too deeply to be read without running it") from None
    except (SyntaxError, ValueError) as error:
        at, said = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (0, str(error))
        line = f"line {at}: " if at else ""
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Wrong(
            f"{name} cannot be read: {line}{said}",
            f"correct the script (Python {version} has read it here: for newer syntax, deploy with a newer one)",
        ) from None


def _read(name: str, path: Path) -> Script:
    """Raises what ast.parse raises too."""
    values = _values(ast.parse(path.read_bytes()))
    for option in _NAMES:
        if values.get(option) is _COMPUTED:
            raise Unknown(f"{name} computes its {option}")
    legacy = _LEGACY.match(path.name)
    if "revision" not in values and not legacy:
        step = "set its revision; or move it out of the scripts' folder, where it is none"
        raise Wrong(f"{name} sets no revision", step)
    if "down_revision" not in values:
        step = "set down_revision to the revision before it; down_revision = None for the first"
        raise Wrong(f"{name} sets no down_revision", step)
    revision = values.get("revision", legacy and legacy[1])
    if not isinstance(revision, str):
        raise _no_text(name, "revision", revision)
    after, needs, labels = (_texts(name, option, values.get(option)) for option in _NAMES[1:])
    return Script(path, name, revision, after, needs, labels, tuple(destructive(str(path))))


def _texts(name: str, option: str, value: Any) -> tuple[str, ...]:
    several = isinstance(value, (list, tuple, set))
    texts = tuple(value) if several else () if value is None else (value,)
    for one in texts:
        if not isinstance(one, str):
            raise _no_text(name, option, one)
    return texts


def _no_text(name: str, option: str, value: Any) -> Wrong:
    return Wrong(f"{name}: {option} is {value!r}, not a text", "put quotes around it")


def _values(module: ast.Module) -> dict[str, Any]:
    """What the names of a module are set to, _COMPUTED where that is not written down."""
    values: dict[str, Any] = {}
    lists = set()  # names that were a list at one time
    for node in module.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            if node.value is None:
                continue  # declares a name, and sets it to nothing
            targets = [node.target]
        for name in _bound(node):
            values[name] = _COMPUTED
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                values[target.id] = _literal(value, values)
        lists |= {name for name, one in values.items() if isinstance(one, (list, set))}
    computed = set(_reached(module))
    if lists.intersection(_touched(module)):
        computed |= lists  # two of these names may stand for one list
    return values | dict.fromkeys(computed, _COMPUTED)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement may set, but for those inside of functions and classes."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.alias):
        yield from _NAMES if node.name == "*" else [node.asname or node.name.partition(".")[0]]
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
    for one in ast.iter_child_nodes(node):
        yield from _bound(one)


def _reached(module: ast.Module) -> Iterator[str]:
    """The names that may be set from inside of functions and classes, or by a way round."""
    for node in ast.walk(module):
        if isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            yield from _NAMES if name in _REACHING else ()


def _touched(module: ast.Module) -> Iterator[str]:
    """The names of which a value may be changed in place: all that are used, but for `name = other`."""
    plain = {
        id(node.value) for node in module.body if isinstance(node, (ast.Assign, ast.AnnAssign))
    }
    for node in ast.walk(module):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif (
            isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in plain
        ):
            yield node.id


def _literal(node: ast.expr, values: dict[str, Any]) -> Any:
    """The value of an expression that is written down, by names of the module too."""
    if isinstance(node, ast.Name):
        return values.get(node.id, _COMPUTED)
    if isinstance(node, (ast.Tuple, ast.List)):
        each = [_literal(one, values) for one in node.elts]
        if any(one is _COMPUTED for one in each):
            return _COMPUTED
        return each if isinstance(node, ast.List) else tuple(each)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return _COMPUTED
