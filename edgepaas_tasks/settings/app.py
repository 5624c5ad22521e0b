"""The app: how it is built, run and asked, and its database."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from edgepaas_tasks.settings.base import Part, Port, Seconds

_SERVER = r"^([A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*)?$"


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

    `server` is host[:port][/path] of the registry (Docker Hub: docker.io/ACCOUNT), `push_server` how this machine
    reaches it, if otherwise. `password` names the variable with the password of `username`; without a user the engines'
    own logins are used.
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
    """The public side. `max_body` as nginx writes sizes; `read_timeout` in seconds.

    With `buffer_requests` nginx takes the whole body of a request before it asks the app: slow clients keep no worker
    busy then, and a drain does not see them.
    """

    server_name: str = Field(default="_", pattern=r"^[A-Za-z0-9._* -]+$")
    listen: Port = 80
    max_body: str = Field(default="10m", pattern=r"^[0-9]+[kmg]?$")
    read_timeout: int = Field(default=60, ge=1, le=3600)
    buffer_requests: bool = False


class Ssm(Part):
    """AWS' Parameter Store as a source of variables: /shop/prod/TOKEN below `path` /shop/prod is TOKEN."""

    path: str = Field(pattern=r"^(/[A-Za-z0-9_.-]+)+$")


class Database(Part):
    """Where the data is. `sqlite_only`: a file in the service's data directory; `postgres_only`: DATABASE_URL;
    `try_postgres`: DATABASE_URL when it answers at the first start, the file when it does not.

    `wait`: seconds for a database that does not answer yet. `root_certificate`: a PEM file of this machine with the
    authority that a server's certificate is checked against. `backup`: a command of yours, run by `sh` on this machine
    with the app's variables and a DATABASE_URL for pg_dump in its environment, before anything is taken away.
    `per_host`: with SQLite on several hosts, each has rows of its own.

    `alembic` is the path of Alembic's configuration in the image, from its working directory; `version_table` and
    `version_table_schema` are what its env.py hands to context.configure, if anything. `migration_url` names a
    variable with a URL that reaches the server itself, where DATABASE_URL leads through a pooler. Seconds: `lock_wait`
    for another migration, `timeout` for the whole of one.
    """

    mode: Literal["postgres_only", "try_postgres", "sqlite_only"] = "postgres_only"
    wait: float = Field(default=30, ge=0, le=600)
    root_certificate: str = ""
    backup: str = ""
    per_host: bool = False
    alembic: str = Field(default="alembic.ini", pattern=r"^[A-Za-z0-9._/-]+$")
    version_table: str = Field(default="alembic_version", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    version_table_schema: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    migration_url: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    lock_wait: Seconds = 60
    timeout: Seconds = 900
