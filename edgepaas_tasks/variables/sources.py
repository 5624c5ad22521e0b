"""Where values of variables come from on this machine, in the order in which later ones win.

defaults < .env < .env.<environment> < SSM < files named by NAME_FILE < process environment < --set
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgepaas_tasks.console import places
from edgepaas_tasks.env.values.errors import Problem
from edgepaas_tasks.env.values.layers import Layer
from edgepaas_tasks.env.values.schema import Schema
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.settings import Settings

SUFFIX = "_FILE"


def layers(
    settings: Settings, declared: Schema, given: Sequence[str]
) -> tuple[list[Layer], list[Problem]]:
    """Every source that has something, the lowest first, and the files that could not be read.

    Raises SettingsError for a malformed --set, and AwsError when SSM is asked and does not answer.
    """
    written = _files(settings.environment)
    named, problems = _named_files(declared, written)
    names = {f"{name}{SUFFIX}" for name in declared.names} - set(declared.names)
    found = [
        *(_without(layer, names) for layer in written),
        *_parameters(settings),
        *named,
        Layer("process environment", dict(os.environ), ambient=True),
        *_given(given),
    ]
    return found, problems


def _files(environment: str) -> list[Layer]:
    """The dotenv files. Raises SettingsError for one that cannot be read whole: no line is passed over."""
    names = (".env", f".env.{environment}")
    return [Layer(name, _dotenv(name)) for name in names if Path(name).is_file()]


def _dotenv(name: str) -> dict[str, str]:
    from io import StringIO

    from dotenv.parser import parse_stream

    try:
        content = Path(name).read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        kind = "it is UTF-16" if utf16 else f"line {line} is not UTF-8 text"
        raise SettingsError(f"{name} cannot be read: {kind}; save it as UTF-8") from None
    found = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            said = binding.original.string
            line = binding.original.line + said[: len(said) - len(said.lstrip())].count("\n")
            raise SettingsError(f"{name} cannot be read: line {line}: expected NAME=VALUE")
        if binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    return found


def _parameters(settings: Settings) -> Iterator[Layer]:
    """The parameters right below one path of AWS' Parameter Store: /shop/prod/TOKEN is TOKEN."""
    if settings.ssm is None:
        return
    from edgepaas_tasks.remote.cloud import aws

    path = settings.ssm.path
    account = aws.Account(settings.aws.region, settings.aws.profile)
    found = aws.parameters(account, path)
    yield Layer(f"ssm {path}", {name.rpartition("/")[2]: text for name, text in found.items()})


def _named_files(declared: Schema, written: Sequence[Layer]) -> tuple[list[Layer], list[Problem]]:
    """NAME_FILE names a file with the value of NAME, as secrets of containers and of CI runners come.

    One newline at the end belongs to the file, not to the value.
    """
    found, problems = [], []
    for name in declared.names:
        key = f"{name}{SUFFIX}"
        if key in declared.names:
            continue
        # The process environment first: it wins over a file, here as for values.
        holders: list[tuple[str, Mapping[str, str]]] = [("process environment", os.environ)]
        holders += [(one.origin, one.values) for one in reversed(written)]
        origin, path = next(((o, v[key]) for o, v in holders if v.get(key)), ("", ""))
        if not path:
            continue
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            problems.append(Problem(name, f"{key} from {origin}", f"{path}: {why}"))
            continue
        found.append(Layer(f"file {path} ({key})", {name: text.removesuffix("\n")}))
    return found, problems


def _without(layer: Layer, names: set[str]) -> Layer:
    values = {name: text for name, text in layer.values.items() if name not in names}
    return Layer(layer.origin, values)


def _given(given: Sequence[str]) -> list[Layer]:
    plain: dict[str, str] = {}
    from_files: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise SettingsError(f"--set {name or item!r}: expected NAME=VALUE or NAME=@FILE")
        if value.startswith("@"):
            try:
                from_files[name] = (
                    places.given(value[1:]).read_text(encoding="utf-8").removesuffix("\n")
                )
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it is not UTF-8 text"
                raise SettingsError(f"--set {name}={value}: {why}") from None
        else:
            plain[name] = value
    found = []
    if plain:
        found.append(Layer("--set", plain, secrets_allowed=False))
    if from_files:
        found.append(Layer("--set @file", from_files))
    return found


def declared_in(place: Mapping[str, object] | str) -> Mapping[str, object]:
    """The `variables:` of the settings: the mapping itself, or that of the YAML file which it names."""
    if not isinstance(place, str):
        return place
    from invoke.vendor import yaml

    load: Any = yaml.safe_load
    try:
        tree = load(Path(place).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"edgepaas.variables: {place}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise SettingsError(f"edgepaas.variables: {place} is not YAML: {said}") from None
    if not isinstance(tree, dict):
        raise SettingsError(f"edgepaas.variables: {place}: expected a mapping of names")
    return tree
