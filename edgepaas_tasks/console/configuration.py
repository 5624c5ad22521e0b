"""The settings' file itself: whether Invoke can read it, and whether it says each thing once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgepaas_tasks.errors import SettingsError


def require_readable(folder: Path) -> None:
    """Raises SettingsError, with the line, for a file in this folder that Invoke would end on with a traceback.

    So it does for a key that is in a mapping twice, of which YAML parsers keep the last without a word.
    """
    for name in ("invoke.yaml", "invoke.yml", "invoke.json"):
        if (folder / name).is_file():  # the first one is what Invoke takes
            _require(name, folder / name)
            return


def _require(name: str, path: Path) -> None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{name}, line {line}: it is not UTF-8 text; save it as UTF-8"
        ) from None
    for problem in _of_json(text) if name.endswith(".json") else _of_yaml(text):
        raise SettingsError(f"{name}{problem}")


def _of_json(text: str) -> Iterator[str]:
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        yield f", line {error.lineno}: {error.msg}"
    else:
        if not isinstance(tree, dict):
            yield ': expected a mapping, such as {"edgepaas": {"app": "shop"}}'


def _of_yaml(text: str) -> Iterator[str]:
    from invoke.vendor import yaml

    parser: Any = yaml
    try:
        root = parser.compose(text, Loader=yaml.SafeLoader)
        parser.safe_load(text)  # values too: dates, tags
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        yield f"{line}: {error.problem or error.context}"
    except (yaml.YAMLError, ValueError) as error:
        yield f": {' '.join(str(error).split())}"
    except RecursionError:
        yield ": it is nested too deeply"
    else:
        if root is not None and not isinstance(root, yaml.MappingNode):
            yield ": expected a mapping that begins with `edgepaas:`"
        elif root is not None:
            yield from _twice(root)


def _twice(root: Any) -> Iterator[str]:
    """The keys that a mapping has twice. An alias may lead back to where it stands."""
    from invoke.vendor import yaml

    todo, met = [root], set()
    while todo:
        node = todo.pop()
        if id(node) in met or isinstance(node, yaml.ScalarNode):
            continue
        met.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo += node.value
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            todo.append(value)
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in lines and key.value != "<<":
                yield f", line {line}: {key.value} is in line {lines[key.value]} already; one of them would be lost"
            lines[key.value] = line
