"""What a migration script takes away, read in it before it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from . import statements
from .expressions import Names, called, is_text, statement_of

_LOSES = {
    "drop_table": "drops a table",
    "drop_column": "drops a column",
    "rename_table": "renames a table",
    "drop_schema": "drops a schema",
    "drop_all": "drops all tables",
    "DropTable": "drops a table",
    "DropColumn": "drops a column",
    "DropSchema": "drops a schema",
    "DropSequence": "drops a sequence",
}
_EXECUTE = ("execute", "exec_driver_sql", "executemany", "executescript")
_FILLED = ("Identity", "Computed", "Sequence", "FetchedValue")  # a column that has its values


def destructive(path: str) -> list[str]:
    """Destructive or risky operations in a script's upgrade path, with file and line."""
    file = Path(path).name
    if not path.endswith(".py"):
        return [f"cannot be read ({file} has no source)"]
    nodes = list(_looked_at(ast.parse(Path(path).read_bytes())))
    names = Names(node for node, _ in nodes)
    found: dict[str, None] = {}  # in their order, each once
    for node, part in nodes:
        said = list(_of_call(node, names)) if isinstance(node, ast.Call) else []
        if is_text(node) and not part:
            said += [f"runs {one}" for text in names.texts(node) for one in statements.losses(text)]
        found.update({f"{one} in {file}:{getattr(node, 'lineno', 0)}": None for one in said})
    return list(found)


def _looked_at(module: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """Its nodes, but for docstrings and what only a downgrade uses; beside each, whether it is part of a text."""
    named: dict[str, list[ast.stmt]] = {}
    others = []
    for one in module.body:
        names = _defined(one)
        for name in names:
            named.setdefault(name, []).append(one)
        if not names:
            others.append(one)
    back = _used({name for name in named if name.startswith("downgrade")}, named)
    forth = {name for name in named if name not in back or name.startswith("upgrade")}
    forth |= {name for one in others for name in _names_in(one)}
    kept = _used(forth, named)
    for one in module.body:
        if one in others or kept.intersection(_defined(one)):
            yield from _walk(one)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _names_in(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _used(names: set[str], named: dict[str, list[ast.stmt]]) -> set[str]:
    """These names, and what they use of the others."""
    found: set[str] = set()
    left = [name for name in names if name in named]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [one for part in named[name] for one in _names_in(part) if one in named]
    return found


def _walk(node: ast.AST, part: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    yield node, part
    for field in ast.iter_child_nodes(node):
        prose = isinstance(field, ast.Expr) and isinstance(field.value, ast.Constant)
        remark = isinstance(field, ast.keyword) and field.arg in ("comment", "doc")
        back = isinstance(field, ast.FunctionDef) and field.name.startswith("downgrade")
        if not prose and not remark and not back:
            inside = is_text(node) or (part and isinstance(node, ast.FormattedValue))
            yield from _walk(field, inside)


def _of_call(call: ast.Call, names: Names) -> Iterator[str]:
    name = called(call)
    words = [str(one.value) for one in call.args if isinstance(one, ast.Constant)]
    options = {one.arg: one.value for one in call.keywords}
    words = words or [
        str(one.value)
        for key in ("table_name", "old_table_name", "column_name")
        if isinstance(one := options.get(key), ast.Constant)
    ]
    named = f" ({'.'.join(words[:2])})" if words else ""
    if name in _LOSES:
        yield f"{_LOSES[name]}{named}"
    elif name in ("delete", "drop"):
        yield from _of_object(call, name)
    elif name == "alter_column":
        if _given(options.get("type_")):
            yield f"changes a type{named}"
        if _given(options.get("new_column_name")):
            yield f"renames a column{named}"
        if _false(options.get("nullable")) and not _given(options.get("server_default")):
            yield f"forbids NULL without a default{named}"
    elif name == "add_column":
        given = [*call.args, *filter(None, [options.get("column")])]
        if any(_empty(value) for one in given for value in names.values(one)):
            yield f"adds a column that forbids NULL without a default{named}"
    elif name in _EXECUTE and (statement := statement_of(call)) is not None:
        ways = names.texts(statement)
        yield from {"runs SQL that cannot be read" for one in ways if statements.unreadable(one)}


def _of_object(call: ast.Call, name: str) -> Iterator[str]:
    """Of SQLAlchemy's objects: table.delete(), delete(table), table.drop(bind)."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name == "delete":
        what = call.args[0] if call.args else owner
        yield f"deletes rows ({ast.unparse(what)[:60]})" if what else "deletes rows"
    elif owner is not None and not (isinstance(owner, ast.Call) and called(owner) == "Index"):
        yield f"drops {ast.unparse(owner)[:60]}"


def _empty(column: ast.expr) -> bool:
    """Whether a column forbids NULL and has nothing to put into the rows that are there."""
    if not isinstance(column, ast.Call):
        return False
    options = {one.arg: one.value for one in column.keywords}
    filled = any(isinstance(one, ast.Call) and called(one) in _FILLED for one in column.args)
    return (
        _false(options.get("nullable")) and not _given(options.get("server_default")) and not filled
    )


def _given(node: ast.expr | None) -> bool:
    return node is not None and not (isinstance(node, ast.Constant) and node.value is None)


def _false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
