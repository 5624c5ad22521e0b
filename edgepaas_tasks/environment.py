"""The app's variables: the sources this machine has, resolved against what the settings declare."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.boundary import redactor
from edgepaas_tasks.settings import Settings, SettingsError
from env import canonical, database
from env.layers import Layer, Resolution, resolve
from env.schema import Schema, SchemaError, schema_from
from env.secret import Secret


@dataclass(frozen=True)
class Environment:
    """What the app will find in os.environ: the whole as a file's text, the names, and a fingerprint of the values."""

    text: Secret
    names: tuple[str, ...]
    fingerprint: str


def schema(settings: Settings) -> Schema:
    """The declared variables. Raises SettingsError with every problem."""
    try:
        return schema_from(settings.variables)
    except SchemaError as error:
        raise SettingsError(
            "\n".join(f"edgepaas.variables.{problem}" for problem in error.problems)
        ) from None


def gather(settings: Settings, given: Sequence[str]) -> Resolution:
    """What `collect` finds. Raises EnvError with all problems of all variables."""
    resolution = collect(settings, given)
    resolution.require()
    return resolution


def collect(settings: Settings, given: Sequence[str]) -> Resolution:
    """Every declared variable with its value and origin, and what is wrong with them; later sources win.

    Order: defaults, .env, .env.<environment>, the process environment, --set. Raises SettingsError for a malformed
    --set.
    """
    declared = schema(settings)
    layers = [
        *_files(settings.environment),
        Layer("process environment", dict(os.environ), ambient=True),
        *_given(given),
    ]
    resolution = resolve(
        declared,
        layers,
        environment=settings.environment,
        database_mode=settings.database.mode,
        strict=settings.strict_variables,
    )
    for value in resolution.values.values():
        if value.secret:
            redactor().add(value.text)
    return resolution


def compose(settings: Settings, resolution: Resolution, release: int, version: str) -> Environment:
    """The app's variables and what the release says of itself, as the canonical file."""
    texts = {name: value.text for name, value in resolution.values.items()}
    ours = {
        "EDGEPAAS_ENVIRONMENT": settings.environment,
        "EDGEPAAS_RELEASE": str(release),
        "EDGEPAAS_VERSION": version,
        "FINAL_DB_MODE": settings.database.mode,
    }
    if settings.database.mode == "sqlite_only":
        ours["DATABASE_URL"] = database.sqlite_url(f"{settings.container.data}/{settings.app}.db")
    elif url := texts.get("DATABASE_URL"):
        texts["DATABASE_URL"] = database.enforce_ssl(database.normalise(url))
        redactor().add(texts["DATABASE_URL"])
    texts.update(ours)
    # The release number says nothing about the values: two releases with equal values have equal fingerprints.
    lasting = {name: text for name, text in texts.items() if name != "EDGEPAAS_RELEASE"}
    return Environment(
        Secret(canonical.render(texts, schema(settings))),
        tuple(sorted(texts)),
        canonical.fingerprint(lasting),
    )


def learn(settings: Settings, text: str) -> None:
    """Teach the redactor the secrets of a release's canonical file, which may not be those of this machine's sources.

    What is not declared (any more) counts as a secret; what we wrote ourselves does not.
    """
    declared = schema(settings)
    try:
        values = canonical.parse(text)
    except ValueError:
        # Somebody edited it: what stands there is secret, whatever it is.
        values = {line: line.partition("=")[2].strip("'\"") for line in text.splitlines()}
    for name, value in values.items():
        variable = declared.get(name)
        ours = name.startswith("EDGEPAAS_") or name == "FINAL_DB_MODE"
        plain = name == "DATABASE_URL" and "@" not in value
        if not ours and not plain and (variable is None or variable.secret):
            redactor().add(value)


def _files(environment: str) -> list[Layer]:
    from dotenv import dotenv_values

    layers = []
    for name in (".env", f".env.{environment}"):
        if Path(name).is_file():
            values = dotenv_values(name, interpolate=False)
            layers.append(
                Layer(name, {key: text for key, text in values.items() if text is not None})
            )
    return layers


def _given(given: Sequence[str]) -> list[Layer]:
    plain: dict[str, str] = {}
    from_files: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise SettingsError(f"--set {name or item!r}: expected NAME=VALUE or NAME=@FILE")
        if value.startswith("@"):
            try:
                from_files[name] = Path(value[1:]).read_text(encoding="utf-8").rstrip("\n")
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"--set {name}={value}: {error}") from None
        else:
            plain[name] = value
    layers = []
    if plain:
        layers.append(Layer("--set", plain, secrets_allowed=False))
    if from_files:
        layers.append(Layer("--set @file", from_files))
    return layers


def warnings(resolution: Resolution) -> list[str]:
    return [str(warning) for warning in resolution.warnings]
