"""The hosts: where they are, how to log in, what engine and volume they have."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from edgepaas_tasks.remote.target import hops
from edgepaas_tasks.settings.base import Part, Port, Seconds


class Repository(Part):
    """A repository with Docker's packages."""

    url: str = Field(pattern=r"^(https?|file)://[^\s'\"]+$")
    """The address of a repository in the layout of https://download.docker.com/linux. It may be a local copy
    (`file://`)."""
    key: str = Field(default="", pattern=r"^((https?|file)://[^\s'\"]+)?$")
    """The address of the key that the packages are signed with. Empty means `gpg` in the repository's folder for the
    system, as Docker has it."""
    fingerprint: str
    """The fingerprint that the key must have: 40 hexadecimal digits (or 64), as `gpg --fingerprint` prints them. Spaces
    do not matter."""

    @field_validator("fingerprint")
    @classmethod
    def _fingerprint(cls, value: str) -> str:
        plain = value.replace(" ", "").upper()
        if not re.fullmatch(r"[0-9A-F]{40}([0-9A-F]{24})?", plain):
            raise ValueError("expected the 40 hexadecimal digits of gpg --fingerprint")
        return plain


class Docker(Part):
    """The engine of the hosts."""

    origin: Literal["auto", "repository", "distribution"] = "auto"
    """Where the engine is installed from. `auto` and `repository` use Docker's own repository where it has packages for
    the system, and the distribution otherwise. `distribution` always uses the distribution."""
    repository: Repository | None = None
    """Another repository with Docker's packages, such as a mirror. Cannot be combined with `origin: distribution`."""
    version: str = Field(default="", pattern=r"^([0-9][0-9A-Za-z.:~+-]*)?$")
    """The beginning of the engine's version, such as `27.5`. Empty means the newest. An engine that is installed is
    never replaced."""
    daemon: dict[str, Any] = {}
    """Keys for the engine's daemon.json. They are added where the host's own file lacks them, and come before this
    project's defaults."""
    group: bool = True
    """Whether the login user is added to the group `docker`, so that it can use Docker without sudo."""

    @model_validator(mode="after")
    def _one_origin(self) -> Docker:
        if self.origin == "distribution" and self.repository:
            raise ValueError("origin is distribution, and a repository is set: choose one")
        return self


class Volume(Part):
    """The EBS volume for Docker's data."""

    id: str = Field(pattern=r"^vol-[0-9a-f]{8,17}$")
    """The id of the EBS volume, such as `vol-0123456789abcdef0`."""
    size: int = Field(default=0, ge=0, le=65536)
    """The size in GiB, as EC2 shows it. An empty volume is formatted only if it has this size. 0 means not known, and
    nothing is formatted."""
    filesystem: Literal["ext4", "xfs"] = "ext4"
    """The file system that an empty volume is formatted with."""
    mount: str = Field(default="/var/lib/docker", pattern=r"^/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$")
    """Where the volume is mounted. It must be Docker's data directory; the default is Docker's own."""
    device: str = Field(default="", pattern=r"^(/dev/[A-Za-z0-9/_-]+)?$")
    """The device's path, such as `/dev/xvdf`, for older instance types that do not show volume ids. Empty means: found
    by `volume.id`."""


class Aws(Part):
    """How AWS is asked."""

    region: str = ""
    """The AWS region. Empty means what boto3 finds, in the process environment or in `~/.aws`."""
    profile: str = ""
    """The profile of `~/.aws` that has the credentials. Empty means what boto3 finds."""


class Ec2(Part):
    """The hosts, found by their tags."""

    tags: dict[str, str] = Field(min_length=1)
    """The tags that the hosts have. An instance must have all of them and be running; `*` and `?` match as in EC2's
    filters."""
    expect: int = Field(default=1, ge=1, le=100)
    """The exact number of instances that the tags must select. Any other number is an error."""
    address: Literal["public", "private", "dns", "id"] = "public"
    """How the hosts are reached: by public or private address, by public DNS name, or by instance id (for
    `ssh.proxy_command`)."""
    region: str = ""
    """The AWS region of the instances. Empty means `aws.region`."""
    profile: str = ""
    """The profile of `~/.aws` to ask with. Empty means `aws.profile`."""
    user: str | None = None
    """The user to log in as. Not set means `ssh.user`."""
    port: Port | None = None
    """The port of the SSH server. Not set means what `~/.ssh/config` says, or 22."""


class Ssh(Part):
    """How the hosts are reached."""

    user: str | None = None
    """The user to log in as. Not set means what `~/.ssh/config` says, or the local user."""
    key: str | None = None
    """The path of the private key. Not set means what `~/.ssh/config` says, the agent, and OpenSSH's default keys."""
    known_hosts: str | None = None
    """The file with the host keys that are trusted. Not set means what `~/.ssh/config` says, or OpenSSH's default
    files."""
    timeout: Seconds = 10
    """Seconds to wait for each connection to be made."""
    jump: str = ""
    """The way over other hosts, as `ssh -J` takes it: `[user@]host[:port]`, with commas between them, the nearest
    first. Their keys are verified as well."""
    proxy_command: str = ""
    """A program that reaches a host on its standard input and output. `%h`, `%p` and `%r` are the host, the port and
    the user. Cannot be combined with `ssh.jump`."""

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
    """A host that is written down."""

    address: str = Field(pattern=r"^[A-Za-z0-9.:_-]+$")
    """The host's name or address, or an alias of `~/.ssh/config`."""
    name: str = ""
    """The name in messages and for `--host`. Empty means the address. It must be unique."""
    port: Port | None = None
    """The port of the SSH server. Not set means what `~/.ssh/config` says, or 22."""
    user: str | None = None
    """The user to log in as. Not set means `ssh.user`."""


class Lab(Part):
    """Hosts made by `inv lab.up`."""

    folder: str = ".lab"
    """The folder with the lab's state, as `inv lab.up --folder` was given it."""
