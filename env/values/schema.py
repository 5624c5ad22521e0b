"""What variables an application declares."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .errors import EnvError, Problem
from .kinds import KINDS, Expected

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Ours, and those that would change the shell or the docker client that hands the values over to the container.
RESERVED = re.compile(
    r"EDGEPAAS_\w+|FINAL_DB_MODE|RUN_MIGRATIONS|PATH|IFS|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|PS4|PPID|UID|EUID|"
    r"OPTIND|LINENO|PWD|OLDPWD|HOME|LD_\w+|DOCKER_\w+"
)


class SchemaError(EnvError):
    """The declaration itself is wrong."""


@dataclass(frozen=True)
class Variable:
    """One declared variable. `environments`: only there; empty means everywhere."""

    name: str
    type: str = "string"
    required: bool = False
    default: str | None = None
    secret: bool = False
    pattern: str = ""
    description: str = ""
    environments: tuple[str, ...] = ()
    required_if: tuple[tuple[str, str], ...] = ()
    choices: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()

    def normal(self, text: str) -> str:
        """The value's one normal form. Raises Expected."""
        value = KINDS[self.type](text)
        if self.choices and value not in self.choices:
            raise Expected(f"one of {', '.join(self.choices)}")
        if self.schemes and urlsplit(value).scheme.split("+")[0] not in self.schemes:
            raise Expected(f"a URL of scheme {' or '.join(self.schemes)}")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise Expected(f"a match of {self.pattern}")
        return value


@dataclass(frozen=True)
class Schema:
    variables: tuple[Variable, ...] = ()

    def get(self, name: str) -> Variable | None:
        return next((one for one in self.variables if one.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(variable.name for variable in self.variables)


_LISTS = ("environments", "choices", "schemes")


def schema_from(mapping: Mapping[str, Any]) -> Schema:
    """The schema of a `variables:` mapping. Raises SchemaError with all problems at once."""
    problems: list[Problem] = []
    variables = [_variable(name, given, problems) for name, given in mapping.items()]
    if problems:
        raise SchemaError(problems)
    return Schema(tuple(variables))


def _variable(name: str, given: Any, problems: list[Problem]) -> Variable:
    def wrong(message: str) -> None:
        problems.append(Problem(name, "", message))

    if not NAME.fullmatch(name):
        wrong("a name has letters, digits and underscores, and no digit first")
    elif RESERVED.fullmatch(name):
        wrong("this name is reserved")
    options: dict[str, Any] = {"type": given} if isinstance(given, str) else dict(given or {})
    known = Variable.__dataclass_fields__
    for key in [key for key in options if key not in known or key == "name"]:
        close = difflib.get_close_matches(str(key), list(known), n=1)
        wrong(f"unknown key {key!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        del options[key]
    if options.get("type", "string") not in KINDS:
        wrong(f"unknown type {options['type']!r} (known: {', '.join(KINDS)})")
        return Variable(name)
    for key in _LISTS:
        if key in options:
            options[key] = tuple(str(one) for one in options[key])
    if "required_if" in options:
        options["required_if"] = tuple(
            (str(key), _text(value)) for key, value in options["required_if"].items()
        )
    default = options.pop("default", None)
    variable = Variable(name, **options)
    if variable.type == "choice" and not variable.choices:
        wrong("a choice needs choices")
    if default is None:
        return variable
    if variable.secret:
        wrong("a secret has no default: settings are no place for it")
        return variable
    try:
        return Variable(name, **options, default=variable.normal(_text(default)))
    except Expected as expected:
        wrong(f"default: expected {expected}")
        return variable


def _text(value: Any) -> str:
    """A value of YAML as the text that the application sees."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
