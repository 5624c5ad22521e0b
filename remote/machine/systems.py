"""The table of systems: how packages get onto a host, told by /etc/os-release. No row is an error."""

from __future__ import annotations

from dataclasses import dataclass

from ..command import Command, script
from ..errors import Unsupported
from .facts import Facts

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "amd64": "amd64"}

_APT_TOOLS = ("ca-certificates", "curl:curl", "ss:iproute2", "gpg:gpg")
_RPM_TOOLS = ("curl:curl", "ss:iproute", "flock:util-linux", "gpg:gnupg2")


@dataclass(frozen=True)
class System:
    """One row.

    `versions` are major ones for rpm systems, and full ones otherwise; the last may have a `+`: it, and all after it.
    `manager` is apt, dnf or yum. `vendor` is the system's name in Docker's own repositories, empty where the
    distribution's engine is the right one. A tool is "program:package", installed only where the program is missing.
    `proven` says how we know that the row is right. `warning` is for the operator.
    """

    id: str
    versions: tuple[str, ...]
    manager: str
    vendor: str
    engine: tuple[str, ...]
    tools: tuple[str, ...]
    proxy: tuple[str, ...] = ("nginx",)
    extras: tuple[str, ...] = ()
    proven: str = "by data"
    warning: str = ""

    @property
    def vendor_engine(self) -> tuple[str, ...]:
        return ("docker-ce", "docker-ce-cli", "containerd.io")


def _rpm(id: str, *versions: str, vendor: str, proven: str = "by data") -> System:
    return System(id, versions, "dnf", vendor, engine=("docker",), tools=_RPM_TOOLS, proven=proven)


def _apt(id: str, *versions: str, proven: str = "by data") -> System:
    engine = ("docker.io", "iptables")
    return System(id, versions, "apt", id, engine, tools=_APT_TOOLS, proven=proven)


SYSTEMS = (
    _rpm("amzn", "2023", vendor="", proven="packages on a lab host"),
    System(
        "amzn",
        ("2",),
        "yum",
        "",
        engine=("docker",),
        tools=_RPM_TOOLS,
        # Its engine and nginx are "extras", that have to be switched on first.
        extras=("docker", "nginx1"),
        warning="Amazon Linux 2 is past its end (30 June 2026): move to Amazon Linux 2023",
    ),
    _rpm("centos", "9", vendor="centos", proven="packages on a lab host"),
    _rpm("centos", "8", "10", vendor="centos"),
    _rpm("rhel", "8", "9", "10", vendor="rhel"),
    # Docker publishes nothing for these two by name; they are built from the same sources as CentOS.
    _rpm("rocky", "8", "9", "10", vendor="centos"),
    _rpm("almalinux", "8", "9", "10", vendor="centos"),
    _rpm("fedora", "41+", vendor="fedora"),
    _apt("debian", "12", proven="a lab host"),
    _apt("debian", "11", "13"),
    _apt("ubuntu", "22.04", "24.04", "24.10", "25.04", "25.10", "26.04"),
)


def system(facts: Facts, host: str) -> System:
    """The row for a host: its own ID first, then ID_LIKE in order. Raises Unsupported."""
    row = _row(facts)
    if row is None:
        raise Unsupported(
            host,
            f"this system is not supported: {facts.os_name or facts.os or 'no /etc/os-release'}",
            tried="/etc/os-release",
            got=f"ID={facts.os} ID_LIKE={' '.join(facts.os_like)} VERSION_ID={facts.os_version}",
            next_step=f"use one of: {known()}",
        )
    if facts.arch not in ARCHITECTURES:
        raise Unsupported(
            host,
            f"this processor is not supported: {facts.arch}",
            tried="uname -m",
            next_step=f"use one of: {', '.join(ARCHITECTURES)}",
        )
    return row


def known() -> str:
    """What is supported, for people."""
    versions: dict[str, list[str]] = {}
    for row in SYSTEMS:
        versions.setdefault(row.id, []).extend(row.versions)
    return ", ".join(f"{id} {'/'.join(sorted(all_, key=_number))}" for id, all_ in versions.items())


def release(row: System, facts: Facts) -> str:
    """The host's release as Docker's repositories name it: a codename, or a major version."""
    return facts.os_codename if row.manager == "apt" else _major(_like_version(facts))


def install(row: System, *packages: str, called: str = "install packages") -> Command:
    """Installs what is missing of the packages; prints a line for each."""
    command = script(f"packages-{'apt' if row.manager == 'apt' else 'dnf'}", *packages)
    return command.as_root().within(900).called(called)


def enable_extras(row: System) -> tuple[Command, ...]:
    """Amazon Linux 2 has its engine and nginx in repositories that are off."""
    if not row.extras:
        return ()
    return (script("extras", *row.extras).as_root().called("enable Amazon's extras"),)


def _row(facts: Facts) -> System | None:
    own = [row for row in SYSTEMS if row.id == facts.os]
    if own:
        return next((row for row in own if _has(row, facts.os_version)), None)
    # An Enterprise Linux says so in PLATFORM_ID, also where its ID_LIKE names Fedora only.
    family = ("centos",) if facts.os_platform.startswith("platform:el") else facts.os_like
    for id in family:
        for row in SYSTEMS:
            # A derivative counts versions its own way: an rpm one by its platform, else the codename has to do.
            if row.id == id and (row.manager == "apt" or _has(row, _like_version(facts))):
                return row
    return None


def _like_version(facts: Facts) -> str:
    platform = facts.os_platform.removeprefix("platform:el")
    return platform if platform.isdigit() else facts.os_version


def _has(row: System, version: str) -> bool:
    asked = version if row.manager == "apt" else _major(version)
    return any(
        one == asked or (one.endswith("+") and _number(asked) >= _number(one))
        for one in row.versions
    )


def _major(version: str) -> str:
    return version.partition(".")[0]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.rstrip("+").split(".") if part.isdigit())
