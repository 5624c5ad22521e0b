"""Settings read from Invoke's configuration, all problems at once."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from edgepaas_tasks.env.values.names import production_like
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.settings.base import meaning
from edgepaas_tasks.settings.root import Settings

_SEVERAL_LINES = {"hooks", "variables", "backup"}  # commands and values may have several lines


def load(tree: Mapping[str, Any], environment: str | None) -> Settings:
    """The settings for `environment`, from the `edgepaas` tree of Invoke's configuration.

    Raises SettingsError with all problems, each with its place. Relative paths stay as they are.
    """
    plain = _plain(tree)
    if not isinstance(plain, dict):
        raise SettingsError(
            "edgepaas: expected a mapping of settings, such as `app: shop` below it"
        )
    environments = plain.pop("environments", {}) or {}
    if not isinstance(environments, dict):
        raise SettingsError("edgepaas.environments: expected a mapping of names to settings")
    name = _choose(plain, environments, environment)
    merged = merge(plain, environments[name] or {})
    merged["environment"] = name
    if unprintable := list(_unprintable(merged, ())):
        raise SettingsError("\n".join(unprintable))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def shared(tree: Mapping[str, Any]) -> Settings:
    """The settings that all environments share, for what is done once for all of them. Raises SettingsError."""
    plain = {key: value for key, value in _plain(tree).items() if key != "environments"}
    return load({**plain, "environments": {"default": {}}}, "default")


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, mapping by mapping; anything else is replaced whole."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            result[key] = merge(under, value)
        else:
            result[key] = value
    return result


def _choose(plain: Mapping[str, Any], environments: Mapping[str, Any], asked: str | None) -> str:
    known = ", ".join(sorted(environments)) or "none"
    if not plain.get("app"):
        raise SettingsError("edgepaas.app is not set: is there an invoke.yaml in this directory?")
    if not asked:
        asked = str(plain.get("default_env") or "")
        if not asked:
            raise SettingsError(f"which environment? give --env NAME (known: {known})")
        if production_like(asked):
            raise SettingsError(
                f"edgepaas.default_env is {asked!r}: a production-like environment is never a default; "
                f"give --env {asked}"
            )
    if asked not in environments:
        hint = nearest(asked, environments)
        raise SettingsError(f"--env {asked}: no such environment{hint} (known: {known})")
    return asked


def nearest(name: str, known: Any) -> str:
    """`; did you mean X?`, or nothing."""
    close = difflib.get_close_matches(name, [str(one) for one in known], n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _line(problem: Any) -> str:
    place = [str(part) for part in problem["loc"]]
    path = ".".join(["edgepaas", *place])
    if problem["type"] == "extra_forbidden":
        return f"{path}: unknown key{nearest(place[-1], _keys_at(place[:-1]))}"
    if problem["type"] == "missing":
        return f"{path}: is required"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "string_pattern_mismatch":
        message = f"expected {meaning(problem['ctx']['pattern'])}"
    if "variables" in place or "notify" in place:  # may hold what is not to be shown
        return f"{path}: {message}"
    given = problem.get("input")
    shown = f", got {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{path}: {message[:1].lower()}{message[1:]}{shown}"


def _unprintable(value: Any, place: tuple[str, ...]) -> Iterator[str]:
    """The settings with control characters: no file, command line, header or log of a host is to get one."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _controls(str(key), (*place, str(key)))
            yield from _unprintable(inner, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _unprintable(inner, place)
    elif isinstance(value, str):
        yield from _controls(value, place)


def _controls(text: str, place: tuple[str, ...]) -> Iterator[str]:
    allowed = "\n\t" if _SEVERAL_LINES.intersection(place) else ""
    bad = [one for one in text.strip() if unicodedata.category(one) == "Cc" and one not in allowed]
    if bad:
        path = ".".join(["edgepaas", *place]).encode("unicode_escape").decode()
        yield f"{path}: has the control character {bad[0]!r}, which cannot be part of it"


def _keys_at(place: list[str]) -> list[str]:
    model: Any = Settings
    for part in place:
        if part.isdigit():
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        inner = [annotation, *getattr(annotation, "__args__", ())]
        models = [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]
        if not models:
            return []
        model = models[0]
    keys = list(model.model_fields)
    return [*keys, "environments"] if model is Settings else keys


def _plain(value: Any) -> Any:
    """Invoke's DataProxy objects as plain dicts and lists."""
    if hasattr(value, "items"):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
