"""The hosts: where they are, how to log in, what engine and volume they have."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from edgepaas_tasks.remote.target import hops
from edgepaas_tasks.settings.base import Part, Port, Seconds


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


class Ssh(Part):
    """How hosts are reached; what is not set comes from ~/.ssh/config. `timeout` in seconds, for each connection.

    `jump` is a way over other hosts, [user@]host[:port] with commas between them, the nearest first; they are verified
    as the hosts are. Who logs in there is written, else of ~/.ssh/config, else `user`. `proxy_command` is a
    program that reaches a host on its standard input and output (%h, %p, %r).
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
