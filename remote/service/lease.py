"""The lease: at most one deploy at a time works on a service of a host."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from functools import cache

from .. import record
from ..batch import Fence
from ..command import Command, script
from ..errors import LeaseHeld, RemoteError
from ..layout import Layout
from ..question import Question, question
from ..result import Result

HELD = 76
NOT_SET_UP = 77
LOST = 75
SIGNS = 4  # signs of life in one time to live
BUSY, TAKEN = "busy", "held"


@dataclass(frozen=True)
class Holder:
    """Who has a lease. `machine` and `pid` tell whether a holder on this machine is still alive; `ttl` in seconds."""

    who: str
    machine: str
    pid: int
    command: str = ""
    run_url: str = ""
    since: int = 0
    commit: str = ""
    ttl: int = 0

    def line(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def ended(self) -> bool:
        """True if the holder was a process of this machine that has ended."""
        if self.machine != machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def __str__(self) -> str:
        where = self.run_url or f"{self.machine}, process {self.pid}"
        return f"{self.who} ({where})" + (f" running {self.command}" if self.command else "")


def parse_holder(text: str) -> Holder | None:
    return record.parse(Holder, text)


@cache
def machine() -> str:
    """A name for this machine that another one does not have: the host name, and what tells two of that name apart.

    On Linux the boot and the space of process numbers: containers may share a host name, and a number that is a process
    in one is none in the other. Elsewhere the number of a network card.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            mark = file.read() + os.readlink("/proc/self/ns/pid")
    except OSError:
        mark = str(uuid.getnode())
    return f"{socket.gethostname()}/{hashlib.sha256(mark.encode()).hexdigest()[:8]}"


def take(layout: Layout, fence: Fence, holder: Holder, *, gone: str = "-") -> Command:
    """Takes the lease. `gone` is the token of a holder that is known to have ended."""
    command = script(
        "lease-take",
        lease=layout.lease,
        mine=fence.token,
        ttl=fence.ttl,
        holder=holder.line(),
        gone=gone,
    )
    return command.as_root().allow(HELD, NOT_SET_UP).called("take the lease")


def release(layout: Layout, token: str) -> Command:
    """Gives the lease back, if it is that token's; prints "released" then."""
    command = script("lease-release", layout.lease, token).as_root().within(20)
    return command.called("give the lease back")


def beat(layout: Layout, fence: Fence) -> Command:
    """Keeps the lease alive for as long as lines (the phase) come on its stdin. Exit LOST: it is not ours."""
    command = script("lease-beat", layout.lease, fence.token, str(fence.ttl)).as_root()
    return command.within(86400).called("keep the lease alive")


def query(layout: Layout) -> Question[Held | None]:
    """The lease as it is; None when it is free."""
    return question(script("lease-look", layout.lease).as_root().called("look at the lease"), parse)


@dataclass(frozen=True)
class Held:
    """A lease that somebody has, or had. Times in seconds of the host's clock: `now`, and when it runs out.

    `state`: whether a changing program runs at this moment ("busy").
    """

    token: str
    expires: int
    holder: Holder | None
    now: int = 0
    state: str = TAKEN
    phase: str = ""

    @property
    def orphaned(self) -> bool:
        return self.holder is not None and self.holder.ended

    @property
    def quiet(self) -> int:
        """Seconds since its last sign of life."""
        ttl = self.holder.ttl if self.holder else 0
        return max(0, self.now - (self.expires - ttl)) if ttl else 0

    @property
    def left(self) -> int:
        """Seconds until anybody may take it."""
        return max(0, self.expires - self.now + 1)

    @property
    def alive(self) -> bool:
        """Its holder still gives signs of life: fewer than two in a row are missing."""
        if not self.token or not self.left or self.orphaned:
            return False
        ttl = self.holder.ttl if self.holder else 0
        return not ttl or self.quiet <= max(1, 2 * ttl // SIGNS)

    def __str__(self) -> str:
        if not self.token:
            return "a program that outlived its connection"
        phase = f", in phase {self.phase}" if self.phase else ""
        return f"{self.holder or 'somebody'}{phase}, last sign of life {self.quiet} s ago"

    def error(self, host: str) -> LeaseHeld:
        return LeaseHeld(
            host,
            "another deploy is under way",
            got=f"held by {self}",
            next_step="wait for it, or give --wait SECONDS; nothing was changed",
        )


def parse(text: str) -> Held | None:
    """Parse what `lease-look` and a refused `lease-take` print; None when the lease is free and nothing runs."""
    first, *lines = text.splitlines() or [""]
    now, _, state = first.partition(" ")
    clock = int(now) if now.isdigit() else 0
    lines += [""] * (4 - len(lines))
    if lines[1].isdigit():
        holder = parse_holder(lines[2])
        return Held(lines[0], int(lines[1]), holder, clock, state, lines[3])
    return Held("", 0, None, clock, state) if state == BUSY else None


def judge(host: str, result: Result, setup: str) -> Held | None:
    """None when the lease was taken; who has it otherwise. Raises when the service is not set up: see `setup`."""
    if result.code == 0:
        return None
    if result.code == NOT_SET_UP:
        raise RemoteError(host, "this host is not set up for the service", next_step=setup)
    return parse(result.stdout) or Held("", 0, None)
