"""Where a host is and how to log in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_HOP = re.compile(r"(?:ssh://)?(?:([^@,\s]+)@)?(\[[^]\s]+\]|[^@:,\s]+)(?::(\d+))?")


@dataclass(frozen=True)
class Target:
    """Where a host is and how to log in. What is not given comes from ~/.ssh/config, then from OpenSSH's defaults.

    `jump` is a way over other hosts as ssh -J takes it, `proxy_command` a program that reaches the host on its
    standard input and output (%h, %p, %r: host, port, user). `default_user` logs in, to these others too, where
    neither the way nor ~/.ssh/config names a user. `instance` is the cloud's name for the host, if known.
    """

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    key: Path | None = None
    known_hosts: Path | None = None
    connect_timeout: float = 10.0
    default_user: str | None = None
    jump: str = ""
    proxy_command: str = ""
    instance: str = ""

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if self.port else self.address


@dataclass(frozen=True)
class Hop:
    """One host of a way."""

    address: str
    port: int | None
    user: str | None


def hops(jump: str) -> list[Hop]:
    """The hosts of a way, the nearest first. Raises ValueError."""
    found = []
    for text in jump.split(",") if jump else ():
        match = _HOP.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r}: expected [user@]host[:port]")
        user, address, port = match.groups()
        found.append(Hop(address.strip("[]"), int(port) if port else None, user))
    return found
