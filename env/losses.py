"""What a migration script takes away, read in it before it runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_LOSES = {
    "drop_table": "drops a table",
    "drop_column": "drops a column",
    "rename_table": "renames a table",
    "drop_schema": "drops a schema",
}
_SQL = re.compile(r"\b(DROP\s+(TABLE|COLUMN|SCHEMA|DATABASE|TYPE)|TRUNCATE|DELETE\s+FROM)\b", re.I)


def destructive(path: str) -> list[str]:
    """What the upgrade of a script takes away, or may fail on where there are rows."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            for call in ast.walk(function):
                if isinstance(call, ast.Call):
                    found += list(_losses(call))
    return found


def _losses(call: ast.Call) -> list[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    words = [str(one.value) for one in call.args if isinstance(one, ast.Constant)]
    named = f" ({'.'.join(words[:2])})" if words else ""
    options = {one.arg: one.value for one in call.keywords}
    if name in _LOSES:
        return [f"{_LOSES[name]}{named}"]
    if name == "alter_column":
        said = []
        if "type_" in options:
            said.append(f"changes a type{named}")
        if "new_column_name" in options:
            said.append(f"renames a column{named}")
        if _false(options.get("nullable")) and "server_default" not in options:
            said.append(f"forbids NULL without a default{named}")
        return said
    if name == "add_column":
        for argument in call.args:
            inner = {one.arg: one.value for one in getattr(argument, "keywords", [])}
            if _false(inner.get("nullable")) and "server_default" not in inner:
                return [f"adds a column that forbids NULL without a default{named}"]
    if name in ("execute", "text"):
        for word in words:
            if match := _SQL.search(word):
                return [f"runs {' '.join(match.group(0).upper().split())}"]
    return []


def _false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
