"""The app: how it is built, run and asked, and its database."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from edgepaas_tasks.settings.base import Networks, Part, Port, Seconds

_SERVER = r"^([A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*)?$"


class Build(Part):
    """How `docker build` runs on this machine."""

    context: str = "."
    """The build context: the directory that `docker build` sends to the engine."""
    dockerfile: str = "Dockerfile"
    """The Dockerfile, relative to `build.context`."""
    args: dict[str, str] = {}
    """Build arguments, as `docker build --build-arg` takes them. They are part of the image's identity, so do not put
    secrets here."""
    cache: bool = True
    """Whether layers may come from the build cache. `false` builds every layer again, as `--no-cache` does."""
    pull: bool = False
    """Whether each build looks for a newer base image, as `--pull` does."""
    cache_size: str = Field(default="", pattern=r"^([1-9][0-9]*[kmg])?$")
    """The size that BuildKit's cache is cut down to after each build, such as `10g`. Empty means no limit. The classic
    builder has no such limit: images of this app that have no tag are removed instead."""
    timeout: Seconds = 1800
    """Seconds that `docker build` may take, and an engine on a host to load or pull the image."""


class Image(Part):
    """The image's name, and how it reaches the hosts."""

    name: str = ""
    """The image's name, without a registry and a tag. Empty means the value of `app`."""
    transport: Literal["ssh", "registry"] = "ssh"
    """How the image reaches the hosts. `ssh` sends the layers that a host lacks over the SSH connection. `registry`
    pushes to `image.server`, and hosts pull from there by digest."""
    server: str = Field(default="", pattern=_SERVER)
    """The registry as the hosts reach it, as `host[:port][/path]`. Docker Hub is `docker.io/ACCOUNT`. Required when
    `image.transport` is `registry`."""
    push_server: str = Field(default="", pattern=_SERVER)
    """The registry as this machine reaches it, where that is another address. Empty means `image.server`."""
    username: str = Field(default="", pattern=r"^[^\s:]*$")
    """The user of the registry. Empty means that each engine uses the logins it already has."""
    password: str = Field(default="REGISTRY_PASSWORD", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The name of the variable that holds the password of `image.username`, not the password itself. The value comes
    from the same sources as all variables, and the app does not get it."""

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[a-z0-9]+([._/-][a-z0-9]+)*", value):
            raise ValueError(
                "an image name has lower-case letters, digits and . _ - / between them"
            )
        return value

    @field_validator("server", "push_server")
    @classmethod
    def _host(cls, value: str) -> str:
        host, _, path = value.partition("/")
        # What an engine takes for a host; the first part of any other name is an account on Docker Hub.
        if value and host != "localhost" and not {".", ":"} & set(host):
            raise ValueError(
                f"{host} is no host name: write docker.io/{value} for Docker Hub, else registry.example.org/{value}"
            )
        if host in ("docker.io", "index.docker.io") and not path:
            raise ValueError("Docker Hub keeps images in accounts: write docker.io/ACCOUNT")
        return value

    @model_validator(mode="after")
    def _somewhere(self) -> Image:
        if self.transport == "registry" and not self.server:
            raise ValueError("transport is registry: say which, as server")
        return self


# What an image that begins as root needs to prepare its files and to become another user. Docker's default is twice as
# long: https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")


class Container(Part):
    """How the app's container runs."""

    port: Port = 8000
    """The port that the app listens on inside its container."""
    memory: str = Field(default="512m", pattern=r"^[1-9][0-9]*[kmg]$")
    """The container's memory limit, as `docker run --memory` takes it."""
    stop_timeout: int = Field(default=30, ge=1, le=600)
    """Seconds from SIGTERM to SIGKILL when a container is stopped. Docker's own default is 10."""
    runtime: Literal["edgepaas", "none"] = "edgepaas"
    """What starts the app. `edgepaas` runs a small Python program first, which settles the database and then becomes
    the image's own command. `none` starts that command as it is, for an image without Python."""
    data: str = Field(default="/data", pattern=r"^/[A-Za-z0-9._/-]+$")
    """Where the service's data directory is mounted in the container. The directory is kept from release to release."""
    log_size: str = Field(default="10m", pattern=r"^[1-9][0-9]*[kmg]$")
    """The size at which Docker rotates the container's log: `max-size` of the `json-file` log driver."""
    log_files: int = Field(default=3, ge=1, le=100)
    """The number of log files that Docker keeps for a container: `max-file` of the `json-file` log driver."""
    pids_limit: int = Field(default=1024, ge=16)
    """The largest number of processes and threads in the container, as `docker run --pids-limit` takes it."""
    capabilities: tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z_]*$")], ...] = CAPABILITIES
    """The Linux capabilities that the container keeps, without the prefix `CAP_`. All others are dropped."""
    new_privileges: bool = False
    """Whether a process in the container may gain privileges, by a setuid program such as `sudo`."""


class Health(Part):
    """When a release counts as healthy."""

    path: str = Field(default="/health/ready", pattern=r"^/[^\s]*$")
    """The path that tells whether the app is ready. Any 2xx answer means yes."""
    timeout: Seconds = 60
    """Seconds from the start of a container within which it must answer with 2xx. Rounded to whole seconds."""
    host: str = Field(default="", pattern=r"^[A-Za-z0-9.:_-]*$")
    """The host name that probes ask for. Empty means the first name of `nginx.server_name`, or `localhost`. Frameworks
    refuse names that they do not know: Django's `ALLOWED_HOSTS`, Starlette's `TrustedHostMiddleware`."""
    headers: dict[str, str] = {}
    """Further headers of probes. `X-Forwarded-Proto: https` is what an app needs to hear that redirects plain http,
    while a proxy in front of the host ends TLS. They are no place for secrets: the host's users see them."""

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9-]+", name):
                raise ValueError(f"{name!r} is no name of a header: letters, digits and hyphens")
            if name.lower() == "host":
                raise ValueError("the host name of probes is health.host")
        return value


class Slots(Part):
    """The two ports, on 127.0.0.1 of the host, between which a deploy alternates."""

    blue: Port = 8081
    """The port of the slot `blue` on the host. It is published on 127.0.0.1 only."""
    green: Port = 8082
    """The port of the slot `green` on the host. It is published on 127.0.0.1 only and must differ
    from `slots.blue`."""

    @model_validator(mode="after")
    def _differ(self) -> Slots:
        if self.blue == self.green:
            raise ValueError(f"blue and green are both {self.blue}")
        return self


class Nginx(Part):
    """The public side."""

    server_name: str = Field(default="_", pattern=r"^[A-Za-z0-9._* -]+$")
    """The host names that the site answers to, as nginx's `server_name` takes them. `_` makes it the default site of
    its port."""
    listen: Port = 80
    """The port that nginx listens on for visitors."""
    max_body: str = Field(default="10m", pattern=r"^[0-9]+[kmg]?$")
    """The largest request body, as nginx's `client_max_body_size` takes it. `0` means no limit. nginx's own default is
    `1m`."""
    read_timeout: int = Field(default=60, ge=1, le=3600)
    """Seconds that nginx waits for the app between two reads or two writes: `proxy_read_timeout` and
    `proxy_send_timeout`. 60 is nginx's own default."""
    buffer_requests: bool = False
    """Whether nginx takes the whole body of a request before it asks the app. Slow clients then keep no worker of the
    app busy, but a drain does not see uploads that are still under way."""
    trusted_proxies: Networks = ()
    """Addresses and networks of proxies in front of the host, such as a load balancer, whose word for the visitor's
    address, scheme and host name is taken: `X-Forwarded-For`, `-Proto`, `-Host` and their like. From everybody else
    these headers are replaced. Programs of the host itself are trusted."""
    header_buffer: str = Field(default="32k", pattern=r"^([4-9]|[1-9][0-9]|[12][0-9][0-9])k$")
    """The largest headers, of an answer of the app (nginx's `proxy_buffer_size`) and of a request: cookies and tokens.
    nginx's own default for answers is `4k` or `8k`; a larger one is a 502."""


class Ssm(Part):
    """AWS Systems Manager Parameter Store as a source of variables."""

    path: str = Field(pattern=r"^(/[A-Za-z0-9_.-]+)+$")
    """The path in AWS Systems Manager Parameter Store. The parameters right below it are read: with `/shop/prod`, the
    parameter `/shop/prod/TOKEN` is the variable `TOKEN`."""


class Database(Part):
    """Where the app's data is, and how its schema is migrated."""

    mode: Literal["postgres_only", "try_postgres", "sqlite_only", "none"] = "postgres_only"
    """Where the data is. `postgres_only`: where `DATABASE_URL` leads. `sqlite_only`: a file in the service's data
    directory. `try_postgres`: Postgres if it answers at the first start, the file otherwise; the decision is kept.
    `none`: no database, or one of another kind; `DATABASE_URL` is handed on as it is, and nothing is migrated."""
    wait: float = Field(default=30, ge=0, le=600)
    """Seconds to wait for a database that does not answer yet, at each start and before a migration."""
    root_certificate: str = ""
    """A PEM file on this machine with the authority that the server's certificate is checked against. It makes
    `verify-full` the least `sslmode`; without it that is `require`, for servers that are not local."""
    backup: str = ""
    """A command that `sh` runs on this machine before data is removed. It gets the app's variables and a `DATABASE_URL`
    that pg_dump understands. If it fails, the database is not changed."""
    per_host: bool = False
    """Whether several hosts may each have SQLite rows of their own. Without it, `sqlite_only` and `try_postgres` are
    refused for more than one host."""
    alembic: str = Field(default="alembic.ini", pattern=r"^[A-Za-z0-9._/-]+$")
    """The path of Alembic's configuration in the image, relative to its working directory. An image without that file
    has no migrations."""
    version_table: str = Field(default="alembic_version", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The table that Alembic keeps the revision in: `version_table` of `context.configure` in env.py. The default is
    Alembic's own."""
    version_table_schema: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """The schema of that table: `version_table_schema` of `context.configure` in env.py. Empty means the connection's
    default schema."""
    migration_url: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    """The name of a variable with a URL that reaches the server itself. Set it where `DATABASE_URL` leads through a
    connection pooler. Empty means `DATABASE_URL`."""
    lock_wait: Seconds = 60
    """Seconds to wait for another migration of the same database."""
    timeout: Seconds = 900
    """Seconds that one migration may take as a whole, and one run of `database.backup`."""
