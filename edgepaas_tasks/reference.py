"""`python -m edgepaas_tasks.reference [FOLDER]`: writes settings.md and tasks.md, the reference pages, into docs/.

What the pages say is read from the code: descriptions of settings from the strings below their fields, descriptions of
tasks and options from their docstrings and help texts.
"""

from __future__ import annotations

import ast
import copy
import inspect
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from invoke import Argument, Collection
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edgepaas_tasks.console import markdown
from edgepaas_tasks.namespaces import ns
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.settings.base import meaning

GENERATED = (
    "<!-- Written by `make reference` from the code. Changes that are made here are lost. -->\n"
)

SETTINGS = """
All settings are keys below `edgepaas` in invoke.yaml. `environments.NAME` contains the same keys for one environment,
and is merged over the rest: mappings are merged key by key, anything else is replaced. An unknown key is an error.

```yaml
edgepaas:
  app: shop
  health: {path: /ready}
  environments:
    prod: {hosts: [{address: app.example.org}]}
```

`[]` after a name means each entry of a list. Relative paths start at the folder of invoke.yaml, also where `inv` is
called in a folder below it; those of the command line start where it is called.
"""

TASKS = """
Run a task with `inv TASK`, or with `edgepaas TASK` where there is no tasks.py. `inv --list` lists the tasks, and
`inv --help TASK` shows the options of one.

Exit codes: 0 done, 1 refused or failed, 2 wrong settings or option values, 130 interrupted. `inv exec` ends with the
exit code of its command.
"""


def main() -> None:
    folder = Path(*sys.argv[1:2] or ["docs"])
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        print(f"wrote {folder / name}")


def pages() -> dict[str, str]:
    """The pages by their file names."""
    return {"settings.md": settings_page(), "tasks.md": tasks_page()}


def settings_page() -> str:
    fields = Settings.model_fields
    single = [name for name, field in fields.items() if _model(field.annotation) is None]
    parts = [f"# Settings\n\n{GENERATED}{SETTINGS}", "## General\n"]
    seen: dict[type[BaseModel], str] = {}
    documented = descriptions(Settings)
    for name in single:
        parts.append(_setting(name, fields[name], documented[name]))
    for name in fields:
        if name not in single:
            parts += _section(name, fields[name], documented[name], seen, "##")
    return "\n".join(parts)


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """The string below each field of a class, as one line. Raises ValueError where a field has none."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = " ".join(str(below.value.value).split())
    lacking = [name for name in model.model_fields if not found.get(name)]
    if lacking:
        raise ValueError(f"{model.__name__}: no description of {', '.join(lacking)}")
    return found


def _section(
    name: str,
    field: FieldInfo,
    description: str,
    seen: dict[type[BaseModel], str],
    heading: str,
) -> Iterator[str]:
    """A setting that has settings of its own, and those. A class that occurs again is not repeated."""
    model = _model(field.annotation)
    assert model is not None
    many = _is_list(field.annotation)
    yield f"{heading} {name}\n"
    yield f"{_wrap(description)}\n"
    if many or field.default is None:
        kind = "a list, empty by default" if many else "a mapping, not set by default"
        yield f"Type: {kind}.\n"
    inside = f"{name}[]" if many else name
    if model in seen:
        yield f"Each entry has the keys of `{seen[model]}`.\n"
        return
    seen[model] = inside
    documented = descriptions(model)
    for key, inner in model.model_fields.items():
        if _model(inner.annotation) is None:
            yield _setting(f"{inside}.{key}", inner, documented[key])
        else:
            yield from _section(f"{inside}.{key}", inner, documented[key], seen, "###")


def _setting(name: str, field: FieldInfo, description: str) -> str:
    kind = _kind(field.annotation, field.metadata)
    default = "Required" if field.is_required() else f"Default: {_value(field.default)}"
    return f"### {name}\n\n{_wrap(description)}\n\nType: {kind}. {default}.\n"


def _model(annotation: Any) -> type[BaseModel] | None:
    """The settings class that a field holds, alone or in a list."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _kind(annotation: Any, limits: Iterable[Any] = ()) -> str:
    """A type in words, as people write it in YAML."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inner[0], [*limits, *(one for more in inner[1:] for one in _limits(more))])
    if origin in (Union, UnionType):
        return " or ".join(_kind(one, limits) for one in inner if one is not NoneType)
    if origin is Literal:
        return "one of " + ", ".join(f"`{one}`" for one in inner)
    if origin is tuple:
        kind = _kind(inner[0]).removeprefix("one of ")
        least = next((one.min_length for one in limits if hasattr(one, "min_length")), 0)
        return f"a list of {kind}" + ("; not empty" if least else "")
    if origin is dict:
        return "a mapping" if inner[1] is Any else f"a mapping of names to {_kind(inner[1])}"
    word = {str: "text", int: "an integer", float: "a number", bool: "`true` or `false`"}
    return word[annotation] + _limited(limits)


def _limits(annotated: Any) -> list[Any]:
    return annotated.metadata if isinstance(annotated, FieldInfo) else [annotated]


def _limited(limits: Iterable[Any]) -> str:
    """What else a value must be, after its type."""
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    found = [
        f"{word} {getattr(one, name):g}"
        for name, word in words.items()
        for one in limits
        if getattr(one, name, None) is not None
    ]
    patterns = [meaning(one.pattern) for one in limits if getattr(one, "pattern", None)]
    if any(getattr(one, "min_length", None) for one in limits):
        found.append("not empty")
    said = f": {'; '.join(patterns)}" if patterns else ""
    return said + (f", {', '.join(found)}" if found else "")


def _value(value: Any) -> str:
    """A default as YAML would have it."""
    if value is None:
        return "not set"
    if value == "":
        return "empty"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def tasks_page() -> str:
    parts = [f"# Tasks\n\n{GENERATED}{TASKS}", "## Without a namespace\n"]
    parts += _tasks(ns, "")
    for name, collection in ns.collections.items():
        parts.append(f"## {name}\n")
        parts.append(f"{_wrap(_about(collection))}\n")
        if collection.default:
            parts.append(f"`inv {name}` is `inv {name}.{collection.default}`.\n")
        parts += _tasks(collection, f"{name}.")
    return "\n".join(parts)


def _about(collection: Collection) -> str:
    """The docstring of the module that the namespace's tasks come from."""
    task = next(iter(collection.tasks.values()))
    return inspect.getdoc(inspect.getmodule(task.body)) or ""


def _tasks(collection: Collection, prefix: str) -> Iterator[str]:
    for name, task in collection.tasks.items():
        yield f"### {prefix}{name}\n"
        yield f"{_wrap(inspect.getdoc(task.body) or '')}\n"
        # Invoke takes each help text out of the task when it hands it out.
        fresh = copy.copy(task)
        fresh.help = dict(task.help)
        rows = [_option(argument) for argument in fresh.get_arguments()]
        if rows:
            yield markdown.table(("option", "default", "meaning"), rows)


def _option(argument: Argument) -> tuple[str, str, str]:
    # Markdown would take <names> for tags.
    (name,), meaning = argument.names, (argument.help or "").replace("<", "&lt;")
    if argument.positional:
        return f"`{name.upper()}`", "required", meaning
    if argument.kind is bool:
        return f"`--{name}`", "on" if argument.default else "off", meaning
    return f"`--{name} TEXT`", f"`{argument.default}`" if argument.default else "", meaning


def _wrap(text: str) -> str:
    return textwrap.fill(
        " ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False
    )


if __name__ == "__main__":
    main()
