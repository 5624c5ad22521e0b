"""The texts that an expression of a Python script may stand for, as far as they are written down in it."""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterable

from .statements import HOLE

UNKNOWN = [HOLE]
_MOST = 16  # alternatives of one expression
_NAMED = 1000  # the place of a parameter that has none
_TEXT = {"text", "DDL", "dedent", "cleandoc", "str", "sorted", "list", "tuple", "reversed", "set"}
# SQLAlchemy's own, which are no texts.
_BUILT = re.compile(
    r"select|insert|update|delete|merge|union(_all)?|query|(Create|Drop|Add|Set)[A-Z]\w*"
)
_GIVEN = ("statement", "sqltext", "sql", "clause", "text")


def called(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def statement_of(call: ast.Call) -> ast.expr | None:
    """What a call is given to run."""
    named = [one.value for one in call.keywords if one.arg in _GIVEN]
    return next(iter([*call.args, *named]), None)


def _separator(call: ast.Call) -> str | None:
    given = call.args[0] if call.args else None
    return str(given.value or "") or None if isinstance(given, ast.Constant) else None


def is_text(node: ast.AST) -> bool:
    """Whether an expression puts a text together itself."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod))
    )


class Names:
    """What the names of some nodes stand for, wherever each is given its value."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self._values: dict[str, list[ast.expr]] = {}
        self._each: dict[str, list[tuple[ast.expr, int | None]]] = {}
        self._functions: dict[str, list[ast.AST]] = {}
        self._calls: dict[str, list[ast.Call]] = {}
        self._parameters: dict[str, list[tuple[str, int, ast.expr | None]]] = {}
        for node in nodes:
            self._learn(node)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value:
            self._assign(node.target, node.value)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            targets = node.target.elts if isinstance(node.target, ast.Tuple) else None
            for at, target in enumerate(targets or [node.target]):
                if isinstance(target, ast.Name):
                    place = None if targets is None else at
                    self._each.setdefault(target.id, []).append((node.iter, place))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._functions.setdefault(node.name, []).append(node)
            given = [*node.args.posonlyargs, *node.args.args]
            bound = 1 if given and given[0].arg in ("self", "cls") else 0
            undefaulted = len(given) - len(node.args.defaults)
            for at, one in enumerate(given):
                default = node.args.defaults[at - undefaulted] if at >= undefaulted else None
                self._parameters.setdefault(one.arg, []).append((node.name, at - bound, default))
            for at, one in enumerate(node.args.kwonlyargs):
                default = node.args.kw_defaults[at]
                self._parameters.setdefault(one.arg, []).append((node.name, _NAMED, default))
        elif isinstance(node, ast.Call):
            self._calls.setdefault(called(node), []).append(node)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._values.setdefault(target.id, []).append(value)

    def values(self, node: ast.expr) -> list[ast.expr]:
        """The expressions that a name was given; of any other expression itself."""
        return self._values.get(node.id, []) if isinstance(node, ast.Name) else [node]

    def texts(self, node: ast.AST | None, inside: frozenset[str] = frozenset()) -> list[str]:
        """What it may read, with HOLE for what is not written down; nothing where it is a statement of SQLAlchemy's.

        `inside` are the names that are being looked up.
        """
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            return self._joined(node.values, inside)
        if isinstance(node, ast.FormattedValue):
            return self.texts(node.value, inside)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([node.left, node.right], inside)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            holes = r"%(\(\w+\))?[sdr]"
            return [re.sub(holes, HOLE, one) for one in self.texts(node.left, inside)]
        if isinstance(node, ast.IfExp):
            return self._all([node.body, node.orelse], inside)
        if isinstance(node, (ast.Await, ast.NamedExpr)):
            return self.texts(node.value, inside)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return self._all(node.elts, inside)
        if isinstance(node, ast.Dict):
            return self._all(node.values, inside)
        if isinstance(node, ast.Subscript):
            return self.texts(node.value, inside)
        if isinstance(node, ast.Call):
            return self._call(node, inside)
        return self._name(node.id, inside) if isinstance(node, ast.Name) else UNKNOWN

    def _joined(self, parts: list[ast.expr], inside: frozenset[str]) -> list[str]:
        ways = [self.texts(one, inside) or UNKNOWN for one in parts]
        while math.prod(map(len, ways)) > _MOST:
            # The part with the most of them, such as names, is the one that tells least.
            ways[max(range(len(ways)), key=lambda at: len(ways[at]))] = UNKNOWN
        return ["".join(one) for one in itertools.product(*ways)]

    def _all(self, nodes: Iterable[ast.AST | None], inside: frozenset[str]) -> list[str]:
        return [text for node in nodes for text in self.texts(node, inside)]

    def _call(self, call: ast.Call, inside: frozenset[str]) -> list[str]:
        name = called(call)
        if name in _TEXT:
            return self.texts(statement_of(call), inside)
        if _BUILT.fullmatch(name):
            return []
        if isinstance(call.func, ast.Attribute):
            if name == "join":
                return self.texts(statement_of(call), inside)
            found = self.texts(call.func.value, inside)
            if name == "split":
                return [part for one in found for part in one.split(_separator(call))]
            return [re.sub(r"\{\w*\}", HOLE, one) for one in found] if name == "format" else found
        returned = [
            one.value
            for function in self._functions.get(name, [])
            for one in ast.walk(function)
            if isinstance(one, ast.Return)
        ]
        return self._all(returned, inside) if returned else UNKNOWN

    def _name(self, name: str, inside: frozenset[str]) -> list[str]:
        if name in inside:
            return [""]  # what it was before is looked at by itself
        inside = inside | {name}
        found = self._all(self._values.get(name, []), inside)
        for collection, place in self._each.get(name, []):
            found += self._all(self._items(collection, place), inside)
        for function, at, default in self._parameters.get(name, []):
            for call in self._calls.get(function, []):
                named = [one.value for one in call.keywords if one.arg == name]
                found += self.texts(next(iter([*call.args[at : at + 1], *named]), default), inside)
        known = name in self._values or name in self._each or found
        return found if known else UNKNOWN

    def _items(self, node: ast.expr, place: int | None) -> list[ast.AST | None]:
        """What a loop goes over: a collection's items, of each the one at `place` where it takes them apart."""
        if place is None:
            return [node]
        rows = [item for value in self.values(node) for item in getattr(value, "elts", [None])]
        return [
            row.elts[place]
            if isinstance(row, (ast.Tuple, ast.List)) and place < len(row.elts)
            else None
            for row in rows
        ]
