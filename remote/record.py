"""Records that a host keeps as JSON and hands back: each field has its type, or the record is none of ours."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, get_type_hints

LONGEST = 16384  # characters of a text in a record; what we write is far shorter
LARGEST = 2**53  # of a number: what every JSON parser takes for the same

R = TypeVar("R")


def parse(cls: type[R], text: str) -> R | None:
    """The record of a line of JSON; None for one that was cut short or edited. Unknown fields are ignored."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return build(cls, data) if isinstance(data, Mapping) else None


def build(cls: type[R], data: Mapping[str, Any]) -> R | None:
    """The record of these values; None where one has another type, is out of bounds, or a field is missing."""
    types: dict[str, Any] = _types(cls)  # type: ignore[arg-type]  # a class is hashable
    given = {name: data[name] for name in types if name in data}
    try:
        return cls(**{name: _value(types[name], value) for name, value in given.items()})
    except (TypeError, ValueError):
        return None


@cache
def _types(cls: Hashable) -> dict[str, Any]:
    known: Any = cls
    hints = get_type_hints(known)
    return {one.name: hints[one.name] for one in fields(known)}


def _value(kind: Any, value: Any) -> Any:
    """The value, as that type. Raises TypeError, ValueError."""
    if kind == tuple[str, ...]:
        if not isinstance(value, list):
            raise TypeError("expected a list")
        return tuple(_value(str, one) for one in value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise TypeError(f"expected {kind}")
    if isinstance(value, str) and len(value) > LONGEST:
        raise ValueError("too long")
    if isinstance(value, int | float) and not -LARGEST <= value <= LARGEST:
        raise ValueError("out of bounds")
    return value
