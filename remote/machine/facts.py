"""What one probe tells about a host."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..command import script
from ..question import Question, question


@dataclass(frozen=True)
class Disk:
    """Free space where a path is: bytes, and inodes (None where the file system has no fixed number)."""

    path: str
    free_bytes: int
    free_inodes: int | None


@dataclass(frozen=True)
class Facts:
    """A host as it was when it was asked. An empty text means: not there.

    `engine` is the package that dockerd came with, `docker` the version of the engine that answers, `selinux` what
    getenforce says, `nginx_broken` the first complaint of nginx -t, `postgres` which of its programs are here.
    """

    os: str = ""
    os_like: tuple[str, ...] = ()
    os_version: str = ""
    os_name: str = ""
    os_codename: str = ""
    os_platform: str = ""
    kernel: str = ""
    arch: str = ""
    init: str = ""
    user: str = ""
    login: str = ""
    clock: int = 0
    memory_total: int = 0
    memory_free: int = 0
    disks: tuple[Disk, ...] = ()
    docker: str = ""
    docker_installed: bool = False
    docker_store: str = ""
    live_restore: bool = False
    engine: str = ""
    selinux: str = ""
    nginx: str = ""
    nginx_active: bool = False
    nginx_broken: str = ""
    postgres: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    tools: frozenset[str] = frozenset()
    listening: tuple[str, ...] = field(default=())
    docker_listening: tuple[str, ...] = field(default=())

    def listens_on(self, port: int) -> tuple[str, ...]:
        """The local addresses on which something listens on `port`."""
        return _on(port, self.listening)

    def docker_listens_on(self, port: int) -> bool:
        """Whether the Docker daemon itself does, as for a container of its own."""
        return bool(_on(port, self.docker_listening))


def query() -> Question[Facts]:
    """Everything that is known of the host as a machine."""
    return question(script("facts").as_root().called("look at the host"), parse)


def parse(text: str) -> Facts:
    """Facts from the probe's output; a line that is not understood is passed over."""
    many: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            many.setdefault(key, []).append(value)
    one = {key: values[-1] for key, values in many.items()}
    return Facts(
        os=one.get("os", ""),
        os_like=tuple(one.get("os_like", "").split()),
        os_version=one.get("os_version", ""),
        os_name=one.get("os_name", ""),
        os_codename=one.get("os_codename", ""),
        os_platform=one.get("os_platform", ""),
        kernel=one.get("kernel", ""),
        arch=one.get("arch", ""),
        init=one.get("init", ""),
        user=one.get("user", ""),
        login=one.get("login", ""),
        clock=_number(one.get("clock", "")),
        memory_total=_number(one.get("memory_total", "")),
        memory_free=_number(one.get("memory_free", "")),
        disks=tuple(disk for disk in map(_disk, many.get("disk", [])) if disk),
        docker=one.get("docker", ""),
        docker_installed="docker" in one,
        docker_store=one.get("docker_store", ""),
        live_restore=one.get("live_restore") == "true",
        engine=one.get("engine", ""),
        selinux=one.get("selinux", "").lower(),
        nginx=one.get("nginx", ""),
        nginx_active=one.get("nginx_active") == "yes",
        nginx_broken=one.get("nginx_broken", ""),
        postgres=tuple(many.get("postgres", [])),
        addresses=tuple(one.get("addresses", "").split()),
        tools=frozenset(many.get("tool", [])),
        listening=tuple(many.get("listen", [])),
        docker_listening=tuple(many.get("docker_listen", [])),
    )


def _on(port: int, sockets: tuple[str, ...]) -> tuple[str, ...]:
    split = (entry.rpartition(":") for entry in sockets)
    return tuple(address for address, _, number in split if number == str(port))


def _disk(text: str) -> Disk | None:
    words = text.split()
    if len(words) < 2 or not words[1].isdigit():
        return None
    inodes = int(words[2]) if len(words) > 2 and words[2].isdigit() else None
    # Filesystems that make inodes as they need them (btrfs) report none at all.
    return Disk(words[0], int(words[1]), inodes or None)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
