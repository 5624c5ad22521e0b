"""What the lab consists of, in one ignored folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgepaas_tasks.errors import LabError


@dataclass(frozen=True)
class LabHost:
    """One host: its container, its ports on this machine, how to log in, its volume, its known_hosts line."""

    name: str
    container: str
    port: int
    http: int
    https: int
    key: str
    known_hosts: str
    volume: str
    disk: str
    device: str = ""
    pin: str = ""
    address: str = "127.0.0.1"
    user: str = "ec2-user"
    system: str = "debian"


@dataclass(frozen=True)
class State:
    """`engine_installed`: it came with the lab, and stays. `packages`, `postgres`, `registry`: there is such one."""

    folder: str
    network: str
    hosts: tuple[LabHost, ...] = ()
    engine_installed: bool = False
    packages: bool = False
    postgres: bool = False
    database_password: str = ""
    registry: bool = False
    registry_password: str = ""
    registry_port: int = 0

    def with_host(self, host: LabHost) -> State:
        kept = tuple(one for one in self.hosts if one.name != host.name)
        return replace(self, hosts=(*kept, host))


def path(folder: Path) -> Path:
    return folder / "state.json"


def load(folder: Path) -> State | None:
    """The lab of this folder, None when there is none. Needs no engine."""
    try:
        data = json.loads(path(folder).read_text(encoding="utf-8"))
        data["hosts"] = tuple(LabHost(**host) for host in data["hosts"])
        return State(**data)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise LabError(f"{path(folder)} cannot be read; inv lab.down, then inv lab.up") from None


def save(state: State, folder: Path) -> None:
    """Written whole, before what it names is made, so that nothing is forgotten when we are killed in between."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path(folder).with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file, indent=1)
    temporary.rename(path(folder))
