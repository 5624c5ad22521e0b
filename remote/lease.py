"""The lease: at most one deploy at a time works on a service of a host."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass

from remote.batch import Fence
from remote.command import Command, argv, script
from remote.errors import LeaseHeld, RemoteError
from remote.layout import Layout
from remote.result import Result

HELD = 76
NOT_SET_UP = 77


@dataclass(frozen=True)
class Holder:
    """Who has a lease. `machine` and `pid` tell whether a holder on this machine is still alive."""

    who: str
    machine: str
    pid: int
    command: str = ""
    run_url: str = ""
    since: int = 0

    def line(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    def __str__(self) -> str:
        where = self.run_url or f"{self.machine}, process {self.pid}"
        return f"{self.who} ({where})" + (f" running {self.command}" if self.command else "")


def parse_holder(text: str) -> Holder | None:
    try:
        known = {key: value for key, value in json.loads(text).items() if key in _FIELDS}
        return Holder(**known)
    except (ValueError, TypeError, AttributeError):
        return None


_FIELDS = frozenset(Holder.__dataclass_fields__)


def machine() -> str:
    """A name for this machine that another one does not have: host name and boot id."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()[:8]
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}" if boot else socket.gethostname()


def take(layout: Layout, fence: Fence, holder: Holder, *, gone: str = "-") -> Command:
    """Takes the lease. `gone` is the token of a holder that is known to have ended."""
    words = (layout.lease, fence.token, str(fence.ttl), holder.line(), gone)
    command = script("lease-take", *words).as_root().allow(HELD, NOT_SET_UP)
    return command.called("take the lease")


def release(layout: Layout, fence: Fence, *, fenced: bool) -> Command:
    """Gives the lease back; `fenced` when it is part of a program that holds the lock."""
    command = script("lease-release", layout.lease, fence.token, "held" if fenced else "")
    return command.as_root().called("give the lease back")


@dataclass(frozen=True)
class Held:
    """A lease that another one has: its token, who, and the host's clock when it runs out."""

    token: str
    expires: int
    holder: Holder | None

    @property
    def orphaned(self) -> bool:
        """Its holder was a process of this machine, and that process has ended."""
        if self.holder is None or self.holder.machine != machine():
            return False
        try:
            os.kill(self.holder.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def error(self, host: str) -> LeaseHeld:
        return LeaseHeld(
            host,
            "another deploy is under way",
            got=f"held by {self.holder or 'a program that outlived its connection'}",
            next_step="wait for it, or give --wait SECONDS; nothing was changed",
        )


def read(layout: Layout) -> Command:
    """The lease as it is, for `parse`."""
    return argv("cat", layout.lease).as_root().allow(1).called("read the lease")


def parse(text: str) -> Held | None:
    """Whose lease it is, or was; None when there is none."""
    lines = text.splitlines()
    if len(lines) >= 3 and lines[1].isdigit():
        return Held(lines[0], int(lines[1]), parse_holder(lines[2]))
    return None


def judge(host: str, result: Result) -> Held | None:
    """None when the lease was taken; who has it otherwise. Raises when the service is not set up."""
    if result.code == 0:
        return None
    if result.code == NOT_SET_UP:
        raise RemoteError(
            host, "this host is not set up for the service", next_step="inv setup --env NAME"
        )
    lines = result.stdout.splitlines()
    return parse(result.stdout) or Held("", 0, parse_holder(lines[0]) if lines else None)
