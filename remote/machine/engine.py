"""The Docker engine on a host: where it comes from, its configuration, and that it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import layout
from ..command import Command, argv, script, source
from ..errors import RemoteError
from ..question import Question, question
from . import systems
from .facts import Facts
from .systems import System

CONFIGURATION = "/etc/docker/daemon.json"

# https://docs.docker.com/engine/install/ : where the packages are, and the fingerprints of their keys.
VENDOR = "https://download.docker.com/linux"
APT_FINGERPRINT = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
RPM_FINGERPRINT = "060A61C51B558A7F742B77AAC52FEB6B621E9F35"

# What every host gets unless its own daemon.json says otherwise. Without the userland proxy a published port of
# 127.0.0.1 outlives the daemon; with live-restore so does the container behind it.
DEFAULTS: Mapping[str, Any] = {
    "live-restore": True,
    "userland-proxy": False,
    "log-driver": "json-file",
    "log-opts": {"max-size": "10m", "max-file": "3"},
}

# Engines from 29 on keep images of a fresh host below /var/lib/containerd, away from Docker's own directory and its
# volume, and take no partial image. Set where that choice is still open: where there are images, it would hide them.
STORE: Mapping[str, Any] = {"features": {"containerd-snapshotter": False}}


@dataclass(frozen=True)
class Origin:
    """Where the engine's packages come from. An empty `url` means: from the distribution."""

    url: str = ""
    key: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class Wanted:
    """`version` is the beginning of one, empty for the newest; `daemon` are settings over our defaults."""

    origin: Origin | None = None
    version: str = ""
    daemon: Mapping[str, Any] | None = None
    group: bool = True


def origin(wanted: Wanted, row: System) -> Origin:
    """What was asked for, else Docker's own repository where it has one for the system."""
    if wanted.origin is not None:
        return wanted.origin
    if not row.vendor:
        return Origin()
    apt = row.manager == "apt"
    return Origin(VENDOR, "", APT_FINGERPRINT if apt else RPM_FINGERPRINT)


def install(wanted: Wanted, row: System, facts: Facts) -> tuple[Command, ...]:
    """The engine's packages, where no engine is installed; one that is there is never replaced."""
    if facts.engine:
        return ()
    source = origin(wanted, row)
    names = row.vendor_engine if source.url else row.engine
    pinned = [
        f"{name}={wanted.version}" if wanted.version and name.startswith("docker") else name
        for name in names
    ]
    packages = systems.install(row, *pinned, called="install Docker")
    if not source.url:
        return (*systems.enable_extras(row), packages)
    return (_repository(source, row, facts), packages)


def _repository(source: Origin, row: System, facts: Facts) -> Command:
    family = row.vendor or "centos"
    base = f"{source.url.rstrip('/')}/{family}"
    key = source.key or f"{base}/gpg"
    release = systems.release(row, facts)
    if row.manager == "apt":
        key_file = "/etc/apt/keyrings/docker.asc"
        file = "/etc/apt/sources.list.d/docker.list"
        arch = systems.ARCHITECTURES[facts.arch]
        text = f"deb [arch={arch} signed-by={key_file}] {base} {release} stable\n"
    else:
        key_file = "/etc/pki/rpm-gpg/docker.asc"
        file = "/etc/yum.repos.d/docker-ce.repo"
        # The release is written out: what $releasever means differs between systems of one family.
        text = (
            "[docker-ce-stable]\nname=Docker CE\n"
            f"baseurl={base}/{release}/$basearch/stable\n"
            f"enabled=1\ngpgcheck=1\ngpgkey=file://{key_file}\n"
        )
    command = script(
        "repository",
        stdin=text.encode(),
        key_file=key_file,
        key_url=key,
        fingerprint=source.fingerprint,
        repository_file=file,
    )
    return command.as_root().within(120).called("add Docker's repository")


def configuration() -> Question[str]:
    """daemon.json as it is; empty where there is none."""
    command = argv("cat", CONFIGURATION).as_root().allow(1).called(f"read {CONFIGURATION}")
    return question(command, str)


def configure(wanted: Wanted, host: str, text: str, facts: Facts) -> tuple[Command, ...]:
    """Adds to daemon.json (`text` as it is now) what it lacks. Raises RemoteError when it is not valid."""
    store = {} if facts.engine else STORE
    merged = merge(text, {**store, **(wanted.daemon or {})}, host)
    if merged == _parsed(text, host):
        return ()
    seen = hashlib.sha256(text.encode()).hexdigest() if text else "none"
    new = json.dumps(merged, indent=4) + "\n"
    command = script("daemon-json", CONFIGURATION, seen, stdin=new.encode())
    return (command.as_root().called(f"write {CONFIGURATION}"),)


def merge(text: str, ours: Mapping[str, Any], host: str) -> dict[str, Any]:
    """The settings to have: what the host's file says, then ours, then the defaults."""
    merged = _parsed(text, host)
    merged.update({key: value for key, value in ours.items() if key not in merged})
    foreign_logs = merged.get("log-driver", "json-file") != "json-file"
    for key, value in DEFAULTS.items():
        # Options of one log driver are errors to another.
        if key not in merged and not (key == "log-opts" and foreign_logs):
            merged[key] = value
    return merged


def _parsed(text: str, host: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text.strip() else {}
        if not isinstance(found, dict):
            raise ValueError("it is not a JSON object")
        return found
    except ValueError as error:
        raise RemoteError(
            host,
            f"{CONFIGURATION} is not valid; nothing was changed",
            got=str(error),
            next_step="repair or remove that file, then run inv setup again",
        ) from None


def run(wanted: Wanted, ports: tuple[int, ...]) -> Command:
    """Make Docker run with its present configuration, start at boot, and release `ports` that no container has.

    Prints a line for what it changed.
    """
    group = "group" if wanted.group else "no-group"
    command = script(
        "engine",
        *map(str, ports),
        stdin=source("docker-ports").encode(),
        uses=("quiet",),
        config=CONFIGURATION,
        group=group,
        services=layout.ROOT,
    )
    return command.as_root().within(180).called("start Docker")
