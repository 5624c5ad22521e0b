"""The table of systems: how packages get onto a host, told by /etc/os-release. No row is an error."""

from __future__ import annotations

from dataclasses import dataclass

from remote.command import Command, script
from remote.errors import Unsupported
from remote.facts import Facts


@dataclass(frozen=True)
class System:
    """One row: the os-release ID it is for, its oldest supported version, its package manager and package names."""

    id: str
    oldest: tuple[int, ...]
    manager: str
    engine: tuple[str, ...]
    proxy: tuple[str, ...]
    tools: tuple[str, ...]


def _apt(id: str, oldest: tuple[int, ...]) -> System:
    return System(
        id,
        oldest,
        manager="apt",
        engine=("docker.io", "iptables"),
        proxy=("nginx",),
        tools=("ca-certificates", "curl", "iproute2"),
    )


SYSTEMS = (_apt("debian", (11,)), _apt("ubuntu", (22, 4)))


def system(facts: Facts, host: str) -> System:
    """The row for a host: its own ID first, then ID_LIKE in order. Raises Unsupported."""
    rows = {row.id: row for row in SYSTEMS}
    own = rows.get(facts.os)
    if own is not None and _version(facts.os_version) >= own.oldest:
        return own
    # A derivative has a version count of its own, so only the family decides there.
    for family in facts.os_like if own is None else ():
        if family in rows:
            return rows[family]
    known = ", ".join(f"{row.id} {'.'.join(map(str, row.oldest))} or later" for row in SYSTEMS)
    raise Unsupported(
        host,
        f"this system is not supported: {facts.os_name or facts.os or 'no /etc/os-release'}",
        tried="/etc/os-release",
        got=f"ID={facts.os} ID_LIKE={' '.join(facts.os_like)} VERSION_ID={facts.os_version}",
        next_step=f"use one of: {known}",
    )


def install(row: System) -> Command:
    """Installs what of the row's packages is missing; prints a line for each."""
    packages = (*row.tools, *row.engine, *row.proxy)
    command = script(f"packages-{row.manager}", *packages)
    return command.as_root().within(900).called("install packages")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
