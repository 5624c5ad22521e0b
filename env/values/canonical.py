"""The canonical file: every variable of a release, exact in sh, bash and systemd's EnvironmentFile."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .schema import Schema

HEADER = (
    "# Written by EdgePaaS Tasks: the environment of one release. Read it with: set -a; . ./.env\n"
)
EXAMPLE_HEADER = "# Written by inv env.example from the declared variables.\n"


def render(values: Mapping[str, str], schema: Schema | None = None) -> str:
    """The file's text, the same for the same values: sorted by name, with the schema's descriptions."""
    lines = [HEADER]
    for name in sorted(values):
        variable = schema.get(name) if schema is not None else None
        if variable is not None and variable.description:
            lines.append(f"\n# {' '.join(variable.description.split())}\n")
        lines.append(f"{name}={quote(values[name])}\n")
    return "".join(lines)


def example(schema: Schema) -> str:
    """What a person copies to .env and fills in: every variable with what is expected, and no secret."""
    lines = [EXAMPLE_HEADER]
    for variable in schema.variables:
        needed = "required" if variable.required else "optional"
        if variable.required_if:
            needed = " or ".join(
                f"required when {name} is {value}" for name, value in variable.required_if
            )
        where = f", only in {', '.join(variable.environments)}" if variable.environments else ""
        kind = f"one of {', '.join(variable.choices)}" if variable.choices else variable.type
        hidden = ", secret" if variable.secret else ""
        lines.append(f"\n# {kind}, {needed}{hidden}{where}\n")
        if variable.description:
            lines.append(f"# {' '.join(variable.description.split())}\n")
        value = "" if variable.default is None else quote(variable.default)
        # A variable that may be left out stays commented, so that an empty text does not stand in for nothing.
        lines.append(f"{'' if variable.required else '# '}{variable.name}={value}\n")
    return "".join(lines)


def quote(value: str) -> str:
    """Single quotes where they are exact everywhere, double quotes with escapes elsewhere."""
    if "'" in value or "\\\\" in value or value.endswith("\\"):
        return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
    return f"'{value}'"


_ITEM = re.compile(
    r"""(?:[ \t]*\#[^\n]*\n|\s*\n)*([A-Za-z_]\w*)=(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\n""", re.DOTALL
)


def parse(text: str) -> dict[str, str]:
    """The values of a file that `render` wrote. Raises ValueError for any other text."""
    values: dict[str, str] = {}
    at = 0
    while match := _ITEM.match(text, at):
        name, single, double = match.groups()
        values[name] = single if double is None else re.sub(r'\\([\\"$`])', r"\1", double)
        at = match.end()
    if any(line.strip() and not line.startswith("#") for line in text[at:].splitlines()):
        raise ValueError("this is not a file that render() wrote")
    return values


def dotenv_inexact(value: str) -> bool:
    """Whether python-dotenv (interpolate=False) reads this value differently: double quotes, with $ or a backtick."""
    return quote(value)[0] == '"' and ("$" in value or "`" in value)


def fingerprint(values: Mapping[str, str]) -> str:
    """Twelve hexadecimal digits that change with any value or name, and tell none of them."""
    whole = "\n".join(f"{name}={value_fingerprint(name, values[name])}" for name in sorted(values))
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


def value_fingerprint(name: str, value: str) -> str:
    """Keyed by the name, so that equal values of two variables do not show as equal."""
    data = value.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(data, key=name.encode()[:64], digest_size=6).hexdigest()
