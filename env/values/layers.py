"""Values from several sources, the later ones winning, each with its origin."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .errors import EnvError, Problem
from .kinds import Expected
from .schema import Schema, Variable

LARGEST = (
    128 * 1024 - 1
)  # bytes of NAME=VALUE: Linux' MAX_ARG_STRLEN (include/uapi/linux/binfmts.h), with its NUL


@dataclass(frozen=True)
class Layer:
    """One source. An `ambient` one (the process environment) may hold anything; others only what is declared."""

    origin: str
    values: Mapping[str, str] = field(repr=False)
    ambient: bool = False
    secrets_allowed: bool = True


@dataclass(frozen=True)
class Value:
    name: str
    text: str = field(repr=False)
    origin: str
    secret: bool


@dataclass(frozen=True)
class Resolution:
    """What the application will see, in the schema's order, with all that is wrong with it."""

    values: Mapping[str, Value]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def require(self) -> None:
        """Raises EnvError with all problems."""
        if self.problems:
            raise EnvError(self.problems)


def resolve(
    schema: Schema,
    layers: Sequence[Layer],
    *,
    environment: str,
    database_mode: str | None = None,
    strict: bool = False,
) -> Resolution:
    """Every declared variable of this environment. An empty text counts as missing where a value is required."""
    problems: list[Problem] = []
    values: dict[str, Value] = {}
    for variable in _here(schema, environment):
        value = _pick(variable, layers, problems)
        if value is not None:
            values[variable.name] = value
    for variable in _here(schema, environment):
        found = values.get(variable.name)
        mistaken = any(problem.name == variable.name for problem in problems)
        if (found is None or not found.text) and not mistaken:
            reason = _why_required(variable, values, database_mode)
            if reason:
                problems.append(Problem(variable.name, found.origin if found else "", reason))
    unknown = list(_undeclared(schema, layers))
    if strict:
        return Resolution(values, (*problems, *unknown))
    return Resolution(values, tuple(problems), tuple(unknown))


def _here(schema: Schema, environment: str) -> Iterable[Variable]:
    return (
        one for one in schema.variables if not one.environments or environment in one.environments
    )


def _pick(variable: Variable, layers: Sequence[Layer], problems: list[Problem]) -> Value | None:
    """The value of the last layer that has one, in its normal form."""
    chosen = next((layer for layer in reversed(layers) if variable.name in layer.values), None)
    if chosen is None:
        if variable.default is None:
            return None
        return Value(variable.name, variable.default, "default", variable.secret)

    def wrong(message: str) -> None:
        problems.append(Problem(variable.name, chosen.origin, message))

    text = chosen.values[variable.name]
    if variable.secret and not chosen.secrets_allowed:
        wrong(f"is a secret: use --set {variable.name}=@FILE or the process environment")
        return None
    if "\0" in text or "\r" in text:
        wrong("holds a NUL or a carriage return, which no environment file carries")
        return None
    size = len(variable.name) + 1 + len(text.encode("utf-8", "surrogateescape"))
    if size > LARGEST:
        wrong(f"is {size} bytes long with its name, at most {LARGEST} fit")
        return None
    if not text and variable.type != "string":
        return (
            Value(variable.name, text, chosen.origin, variable.secret)
            if not variable.default
            else Value(variable.name, variable.default, "default", variable.secret)
        )
    try:
        normal = variable.normal(text)
    except Expected as expected:
        shown = "" if variable.secret else f", got {text[:60]!r}"
        wrong(f"expected {expected}{shown}")
        return None
    return Value(variable.name, normal, chosen.origin, variable.secret)


def _why_required(
    variable: Variable, values: Mapping[str, Value], database_mode: str | None
) -> str:
    if variable.required:
        return f"is required ({variable.type})"
    for name, wanted in variable.required_if:
        actual = database_mode if name == "database" else getattr(values.get(name), "text", None)
        if actual == wanted:
            return f"is required when {name} is {wanted}"
    return ""


def _undeclared(schema: Schema, layers: Sequence[Layer]) -> Iterable[Problem]:
    for layer in layers:
        for name in () if layer.ambient else layer.values:
            if name not in schema.names:
                close = difflib.get_close_matches(name, schema.names, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                yield Problem(name, layer.origin, f"is not declared{hint}")
