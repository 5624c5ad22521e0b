"""What an operator can set: the `edgepaas` key of invoke.yaml, parsed once into frozen, typed objects.

`environments.NAME` is merged deeply over the rest. An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

PRODUCTION_LIKE = re.compile(r"prod|live", re.IGNORECASE)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class SettingsError(Exception):
    """The settings, or a value given on the command line, are wrong. One problem a line."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Build(Part):
    """`docker build` on this machine."""

    context: str = "."
    dockerfile: str = "Dockerfile"
    args: dict[str, str] = {}
    cache: bool = True
    timeout: Seconds = 1800


class Image(Part):
    """The image's name, and how it reaches the hosts."""

    name: str = ""
    transport: Literal["ssh"] = "ssh"

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[a-z0-9]+([._/-][a-z0-9]+)*", value):
            raise ValueError(
                "an image name has lower-case letters, digits and . _ - / between them"
            )
        return value


class Container(Part):
    """The app's container. `stop_timeout` is in seconds from SIGTERM to SIGKILL."""

    port: Port = 8000
    memory: str = Field(default="512m", pattern=r"^[1-9][0-9]*[kmg]$")
    stop_timeout: int = Field(default=30, ge=1, le=600)
    data: str = Field(default="/data", pattern=r"^/[A-Za-z0-9._/-]+$")
    log_size: str = Field(default="10m", pattern=r"^[1-9][0-9]*[kmg]$")
    log_files: int = Field(default=3, ge=1, le=100)


class Health(Part):
    """The gate: a 2xx answer on `path` within `timeout` seconds."""

    path: str = Field(default="/health/ready", pattern=r"^/[^\s]*$")
    timeout: Seconds = 60


class Slots(Part):
    """The two ports, on 127.0.0.1 of the host, between which a deploy alternates."""

    blue: Port = 8081
    green: Port = 8082

    @model_validator(mode="after")
    def _differ(self) -> Slots:
        if self.blue == self.green:
            raise ValueError(f"blue and green are both {self.blue}")
        return self


class Nginx(Part):
    """The public side. `max_body` as nginx writes sizes; `read_timeout` in seconds."""

    server_name: str = Field(default="_", pattern=r"^[A-Za-z0-9._* -]+$")
    listen: Port = 80
    max_body: str = Field(default="10m", pattern=r"^[0-9]+[kmg]?$")
    read_timeout: int = Field(default=60, ge=1, le=3600)


class Flip(Part):
    """After the flip: seconds of probing the public path (`bake`), and of waiting for old requests (`drain`)."""

    bake: float = Field(default=5, ge=0, le=600)
    drain: float = Field(default=30, ge=0, le=600)


class Database(Part):
    """Where the data is. `sqlite_only`: a file in the service's data directory; `postgres_only`: DATABASE_URL."""

    mode: Literal["postgres_only", "sqlite_only"] = "postgres_only"


class Ssh(Part):
    """How hosts are reached; what is not set comes from ~/.ssh/config. `timeout` in seconds, for the connection."""

    user: str | None = None
    key: str | None = None
    known_hosts: str | None = None
    timeout: Seconds = 10


class HostEntry(Part):
    address: str = Field(pattern=r"^[A-Za-z0-9.:_-]+$")
    name: str = ""
    port: Port | None = None
    user: str | None = None


class Lab(Part):
    """Hosts made by `inv lab.up`, read from its folder."""

    folder: str = ".lab"


class Lease(Part):
    """`ttl`: seconds after which a silent holder counts as gone. `wait`: seconds to wait for another holder."""

    ttl: int = Field(default=900, ge=5, le=86400)
    wait: float = Field(default=0, ge=0, le=86400)


class Settings(Part):
    """Everything for one environment."""

    app: Name
    environment: Name = "default"
    default_env: str = ""
    build: Build = Build()
    image: Image = Image()
    container: Container = Container()
    health: Health = Health()
    slots: Slots = Slots()
    nginx: Nginx = Nginx()
    flip: Flip = Flip()
    database: Database = Database()
    ssh: Ssh = Ssh()
    lease: Lease = Lease()
    hosts: tuple[HostEntry, ...] = ()
    lab: Lab | None = None
    keep_releases: int = Field(default=5, ge=2, le=100)
    strict_variables: bool = False
    variables: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_inventory(self) -> Settings:
        if self.hosts and self.lab:
            raise ValueError("hosts and lab are both set: an environment has one inventory")
        names = [host.name or host.address for host in self.hosts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"hosts: {', '.join(twice)} stands twice; give each a name")
        return self

    @property
    def service(self) -> str:
        """App and environment: what everything on a host is named after."""
        return f"{self.app}-{self.environment}"

    @property
    def image_name(self) -> str:
        return self.image.name or self.app

    @property
    def production_like(self) -> bool:
        return bool(PRODUCTION_LIKE.search(self.environment))


def load(tree: Mapping[str, Any], environment: str | None) -> Settings:
    """The settings for `environment`, from the `edgepaas` tree of Invoke's configuration.

    Raises SettingsError with all problems, each with its place. Relative paths stay relative to the working directory.
    """
    plain = _plain(tree)
    environments = plain.pop("environments", {}) or {}
    if not isinstance(environments, dict):
        raise SettingsError("edgepaas.environments: expected a mapping of names to settings")
    name = _choose(plain, environments, environment)
    merged = merge(plain, environments[name] or {})
    merged["environment"] = name
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors()]
        raise SettingsError("\n".join(lines)) from None


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
        if PRODUCTION_LIKE.search(asked):
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
    close = difflib.get_close_matches(name, [str(one) for one in known], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _line(problem: Any) -> str:
    place = [str(part) for part in problem["loc"]]
    path = ".".join(["edgepaas", *place])
    if problem["type"] == "extra_forbidden":
        return f"{path}: unknown key{nearest(place[-1], _keys_at(place[:-1]))}"
    if problem["type"] == "missing":
        return f"{path}: is required"
    message = problem["msg"].removeprefix("Value error, ")
    if "variables" in place:
        return f"{path}: {message}"
    given = problem.get("input")
    shown = f", got {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{path}: {message[:1].lower()}{message[1:]}{shown}"


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


def path_of(text: str) -> Path:
    return Path(text).expanduser()
