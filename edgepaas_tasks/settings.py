"""What an operator can set: the `edgepaas` key of invoke.yaml, parsed once into frozen, typed objects.

`environments.NAME` is merged deeply over the rest. An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from env.names import production_like
from remote.target import hops

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class SettingsError(Exception):
    """The settings, or a value given on the command line, are wrong. One problem a line."""


_SERVER = r"^([A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*)?$"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Build(Part):
    """`docker build` on this machine.

    `cache: false` makes every layer anew, `pull` looks for a newer base, `cache_size` ("10g") caps what builds keep.
    """

    context: str = "."
    dockerfile: str = "Dockerfile"
    args: dict[str, str] = {}
    cache: bool = True
    pull: bool = False
    cache_size: str = Field(default="", pattern=r"^([1-9][0-9]*[kmg])?$")
    timeout: Seconds = 1800


class Image(Part):
    """The image's name, and how it reaches the hosts: over SSH, or by a registry that both sides reach.

    `server` is host[:port][/path] of the registry, `push_server` how this machine reaches it, if otherwise. `password`
    names the variable with the password of `username`; without a user the engines' own logins are used.
    """

    name: str = ""
    transport: Literal["ssh", "registry"] = "ssh"
    server: str = Field(default="", pattern=_SERVER)
    push_server: str = Field(default="", pattern=_SERVER)
    username: str = Field(default="", pattern=r"^[^\s:]*$")
    password: str = Field(default="REGISTRY_PASSWORD", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[a-z0-9]+([._/-][a-z0-9]+)*", value):
            raise ValueError(
                "an image name has lower-case letters, digits and . _ - / between them"
            )
        return value

    @model_validator(mode="after")
    def _somewhere(self) -> Image:
        if self.transport == "registry" and not self.server:
            raise ValueError("transport is registry: say which, as server")
        return self


class Container(Part):
    """The app's container. `stop_timeout` is in seconds from SIGTERM to SIGKILL.

    `runtime`: a program of ours runs first in it, settles the database, and becomes the image's own command; `none`
    starts that command as it is, for an image without Python.
    """

    port: Port = 8000
    memory: str = Field(default="512m", pattern=r"^[1-9][0-9]*[kmg]$")
    stop_timeout: int = Field(default=30, ge=1, le=600)
    runtime: Literal["edgepaas", "none"] = "edgepaas"
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


class Repository(Part):
    """Where Docker's packages come from, in the layout of https://download.docker.com/linux (`url`).

    `key` is where the signing key is (default: <url>/<system>/gpg); `fingerprint` is the key's.
    """

    url: str = Field(pattern=r"^(https?|file)://[^\s'\"]+$")
    key: str = Field(default="", pattern=r"^((https?|file)://[^\s'\"]+)?$")
    fingerprint: str

    @field_validator("fingerprint")
    @classmethod
    def _fingerprint(cls, value: str) -> str:
        plain = value.replace(" ", "").upper()
        if not re.fullmatch(r"[0-9A-F]{40}([0-9A-F]{24})?", plain):
            raise ValueError("expected the 40 hexadecimal digits of gpg --fingerprint")
        return plain


class Docker(Part):
    """The engine of the hosts. `origin`: Docker's own repository, where there is one for the system, or the system's.

    `version` is the beginning of one ("27.5"), empty for the newest; it matters only where no engine is installed yet.
    `daemon` are keys of daemon.json that a host's own file does not have. `group` lets the login user use Docker.
    """

    origin: Literal["auto", "repository", "distribution"] = "auto"
    repository: Repository | None = None
    version: str = Field(default="", pattern=r"^([0-9][0-9A-Za-z.:~+-]*)?$")
    daemon: dict[str, Any] = {}
    group: bool = True

    @model_validator(mode="after")
    def _one_origin(self) -> Docker:
        if self.origin == "distribution" and self.repository:
            raise ValueError("origin is distribution, and a repository is set: choose one")
        return self


class Volume(Part):
    """The EBS volume for Docker's data. `size` in GiB as EC2 shows it; an empty volume is formatted only with it.

    `device` is for hosts that show no volume ids (older instance types): /dev/xvdf.
    """

    id: str = Field(pattern=r"^vol-[0-9a-f]{8,17}$")
    size: int = Field(default=0, ge=0, le=65536)
    filesystem: Literal["ext4", "xfs"] = "ext4"
    mount: str = Field(default="/var/lib/docker", pattern=r"^/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$")
    device: str = Field(default="", pattern=r"^(/dev/[A-Za-z0-9/_-]+)?$")


class Aws(Part):
    """How AWS is asked; what is not set comes from the environment and ~/.aws, as boto3 users expect."""

    region: str = ""
    profile: str = ""


class Ec2(Part):
    """Hosts by their tags: the running instances that have all of them, `expect` in number; * and ? are EC2's.

    `address` is how they are reached; `id` is for proxy commands. `region` and `profile` win over those of `aws`.
    """

    tags: dict[str, str] = Field(min_length=1)
    expect: int = Field(default=1, ge=1, le=100)
    address: Literal["public", "private", "dns", "id"] = "public"
    region: str = ""
    profile: str = ""
    user: str | None = None
    port: Port | None = None


class Ssm(Part):
    """AWS' Parameter Store as a source of variables: /shop/prod/TOKEN below `path` /shop/prod is TOKEN."""

    path: str = Field(pattern=r"^(/[A-Za-z0-9_.-]+)+$")


class Flip(Part):
    """After the flip: seconds of probing the public path (`bake`), and of waiting for old requests (`drain`).

    The probe asks for `path` (default: health.path) and wants `status` (default: any 2xx), the release's header and,
    if set, the text `expect` in the body. With `keep_warm` the old slot runs on, so that a rollback is one flip.
    """

    bake: float = Field(default=5, ge=0, le=600)
    drain: float = Field(default=30, ge=0, le=600)
    path: str = Field(default="", pattern=r"^(/[^\s]*)?$")
    status: int = Field(default=0, ge=0, le=599)
    expect: str = Field(default="", pattern=r"^[^\n]*$")
    keep_warm: bool = False

    @field_validator("status")
    @classmethod
    def _status(cls, value: int) -> int:
        if 0 < value < 100:
            raise ValueError("expected an HTTP status, or 0 for any 2xx")
        return value


class Maintenance(Part):
    """What `inv maintenance --on` shows: `page`, an HTML file (default: a few words), and Retry-After in seconds.

    `allow` are addresses and networks that see the app all the same. The host's own probes always do.
    """

    allow: tuple[str, ...] = ()
    retry_after: int = Field(default=300, ge=1, le=604800)
    page: str = ""

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        found = []
        for one in value:
            try:
                network = ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise ValueError(
                    f"{one!r} is no address and no network like 192.0.2.0/24"
                ) from None
            if network.is_loopback:
                raise ValueError(f"{one}: the host itself is let in anyway")
            found.append(str(network))
        return tuple(dict.fromkeys(found))


class Hook(Part):
    """What runs on this machine around a deploy: a command for sh, or a Python function as `module:function`.

    `secrets` are declared variables that it gets; without being named none is in its environment. `timeout` in seconds.
    """

    run: str = Field(min_length=1)
    secrets: tuple[str, ...] = ()
    timeout: Seconds = 60

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"run": value} if isinstance(value, str) else value


class Hooks(Part):
    """Before any host is touched; after a success; after a failure; when traffic went back to an earlier release."""

    before: tuple[Hook, ...] = ()
    after: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    on_rollback: tuple[Hook, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that some hook asks for."""
        hooks = (*self.before, *self.after, *self.on_failure, *self.on_rollback)
        return tuple(dict.fromkeys(name for hook in hooks for name in hook.secrets))


Occasions = tuple[Literal["success", "failure", "rollback"], ...]
EVERY: Occasions = ("success", "failure", "rollback")


class Webhook(Part):
    """A Slack-compatible webhook. Its address is a secret: `url_variable` names a variable of this process."""

    url: str = ""
    url_variable: str = ""
    on: Occasions = EVERY
    timeout: Seconds = 5

    @model_validator(mode="after")
    def _one_address(self) -> Webhook:
        if bool(self.url) == bool(self.url_variable):
            raise ValueError("set one of url and url_variable")
        return self


class Email(Part):
    """A mail server, with TLS from the first byte (`tls`) or after STARTTLS. The password is in `password_variable`."""

    server: str
    port: Port = 587
    tls: Literal["starttls", "tls"] = "starttls"
    user: str = ""
    password_variable: str = ""
    sender: str = Field(pattern=r"^[^\s@]+@[^\s@]+$")
    to: tuple[Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")], ...] = Field(min_length=1)
    on: Occasions = EVERY
    timeout: Seconds = 10


class Notify(Part):
    """Who is told what a deploy came to. A notice that fails is a warning."""

    webhook: Webhook | None = None
    email: Email | None = None


class FailureReport(Part):
    """Where a failed deploy leaves all that was found out, and how many lines of the app's log it has."""

    folder: str = ".edgepaas/reports"
    lines: int = Field(default=50, ge=1, le=1000)


class Database(Part):
    """Where the data is. `sqlite_only`: a file in the service's data directory; `postgres_only`: DATABASE_URL;
    `try_postgres`: DATABASE_URL when it answers at the first start, the file when it does not.

    `wait`: seconds for a database that does not answer yet. `root_certificate`: a PEM file of this machine with the
    authority that a server's certificate is checked against. `backup`: a command of yours, run by `sh` on this machine
    with DATABASE_URL in its environment, before anything is taken away. `per_host`: with SQLite on several hosts, each
    has rows of its own.

    `alembic` is the path of Alembic's configuration in the image, from its working directory. `migration_url` names a
    variable with a URL that reaches the server itself, where DATABASE_URL leads through a pooler. Seconds: `lock_wait`
    for another migration, `timeout` for the whole of one.
    """

    mode: Literal["postgres_only", "try_postgres", "sqlite_only"] = "postgres_only"
    wait: float = Field(default=30, ge=0, le=600)
    root_certificate: str = ""
    backup: str = ""
    per_host: bool = False
    alembic: str = Field(default="alembic.ini", pattern=r"^[A-Za-z0-9._/-]+$")
    migration_url: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    lock_wait: Seconds = 60
    timeout: Seconds = 900


class Ssh(Part):
    """How hosts are reached; what is not set comes from ~/.ssh/config. `timeout` in seconds, for each connection.

    `jump` is a way over other hosts, [user@]host[:port] with commas between them, the nearest first; they are verified
    as the hosts are. `proxy_command` is a program that reaches a host on its standard input and output (%h, %p, %r).
    """

    user: str | None = None
    key: str | None = None
    known_hosts: str | None = None
    timeout: Seconds = 10
    jump: str = ""
    proxy_command: str = ""

    @field_validator("jump")
    @classmethod
    def _jump(cls, value: str) -> str:
        hops(value)
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Ssh:
        if self.jump and self.proxy_command:
            raise ValueError("jump and proxy_command are both set: there is one way to a host")
        return self


class HostEntry(Part):
    address: str = Field(pattern=r"^[A-Za-z0-9.:_-]+$")
    name: str = ""
    port: Port | None = None
    user: str | None = None


class Lab(Part):
    """Hosts made by `inv lab.up`, read from its folder."""

    folder: str = ".lab"


class Lease(Part):
    """`ttl`: seconds after which a silent holder counts as gone. `wait`: seconds to wait for another one.

    Without `wait`, a holder that gives signs of life is not waited for, and a silent one until its `ttl` is over.
    """

    ttl: int = Field(default=60, ge=2, le=86400)
    wait: float | None = Field(default=None, ge=0, le=86400)


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
    maintenance: Maintenance = Maintenance()
    hooks: Hooks = Hooks()
    notify: Notify = Notify()
    report: FailureReport = FailureReport()
    database: Database = Database()
    docker: Docker = Docker()
    volume: Volume | None = None
    aws: Aws = Aws()
    ssh: Ssh = Ssh()
    lease: Lease = Lease()
    hosts: tuple[HostEntry, ...] = ()
    lab: Lab | None = None
    ec2: Ec2 | None = None
    keep_releases: int = Field(default=5, ge=2, le=100)
    strict_variables: bool = False
    variables: dict[str, Any] | str = {}
    ssm: Ssm | None = None

    @model_validator(mode="after")
    def _one_inventory(self) -> Settings:
        named = {"hosts": self.hosts, "lab": self.lab, "ec2": self.ec2}
        given = [name for name, value in named.items() if value]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)} are both set: an environment has one inventory"
            )
        names = [host.name or host.address for host in self.hosts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"hosts: {', '.join(twice)} stands twice; give each a name")
        return self

    @model_validator(mode="after")
    def _one_set_of_rows(self) -> Settings:
        problem = self.shared_rows(len(self.hosts))
        if problem:
            raise ValueError(problem)
        if self.database.mode == "try_postgres" and self.container.runtime == "none":
            raise ValueError(
                "database.mode is try_postgres: container.runtime decides it, and is none"
            )
        return self

    def shared_rows(self, hosts: int) -> str:
        """Why so many hosts can not share the rows of this database; "" where they can."""
        if hosts < 2 or self.database.mode == "postgres_only" or self.database.per_host:
            return ""
        return (
            f"database.mode is {self.database.mode}, and there are {hosts} hosts: each would have rows of its own. "
            "Use postgres_only; or set database.per_host: true, if that is what you want"
        )

    @property
    def service(self) -> str:
        """App and environment: what everything on a host is named after."""
        return f"{self.app}-{self.environment}"

    @property
    def image_name(self) -> str:
        return self.image.name or self.app

    @property
    def production_like(self) -> bool:
        return production_like(self.environment)


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
    if "variables" in place or "notify" in place:  # may hold what is not to be shown
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
