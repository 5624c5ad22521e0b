"""Holding the lease on every host of a service for as long as something is being changed."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.signals import uninterruptible
from edgepaas_tasks.lease.heartbeat import Heartbeat
from edgepaas_tasks.remote.batch import Fence, Watch
from edgepaas_tasks.remote.errors import Interrupted
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt, raise_any
from edgepaas_tasks.remote.service import lease
from edgepaas_tasks.remote.service import state as host_state
from edgepaas_tasks.remote.service.lease import Held
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service import readiness
from edgepaas_tasks.service.service import Service, holder

PAUSE = 2.0  # seconds between two looks at a lease that somebody else holds
OUTLIVED = 120.0  # seconds to wait for a program whose deploying process is gone


class Lease:
    """The lease on all hosts, or on none. `release` gives it back and never raises.

    `wait`: seconds to wait for another holder. None: not at all for an active one, and for a silent one until its lease
    expires.
    """

    def __init__(
        self,
        service: Service,
        hosts: Sequence[Host],
        command: str,
        wait: float | None,
        commit: str = "",
    ) -> None:
        self.service = service
        self.hosts = hosts
        self.wait = wait
        ttl = service.settings.lease.ttl
        self.fence = Fence(service.layout.lease, secrets.token_hex(16), ttl)
        self._holder = holder(command, commit, ttl)
        self._heart = Heartbeat(service.layout, self.fence)
        self._asking: set[Host] = set()  # those whose answer has not come yet
        self._first = min(hosts, key=lambda host: host.name)
        self._asked = threading.Event()  # what became of the first host's lease is known,
        self._ours = False  # and it is ours

    def begin(self) -> dict[str, State]:
        """Take the lease and look, in one round trip a host; what was seen, by host."""
        for host in self.hosts:
            host.expects_more = True
        try:
            # Each waits for its turn.
            answers, errors = attempt(self.hosts, self._take, width=len(self.hosts))
            raise_any(
                {n: error for n, error in errors.items() if not isinstance(error, Interrupted)}
            )
            return answers
        except BaseException:
            self.release()
            raise

    def enter(self, phase: str) -> None:
        """What the leases say from now on."""
        self._heart.phase = phase
        for host in self.hosts:
            host.phase = phase

    def release(self) -> None:
        """Give the lease back wherever we have it; a host that does not answer keeps it until it runs out."""
        with uninterruptible():
            self._heart.end()
            # Also where the answer to our asking was cut off: the script looks whether the token is ours.
            held = [one for one in self.hosts if one.fence is not None or one in self._asking]
            self._asking.clear()
            for host in self.hosts:
                host.expects_more = False
            for host in held:
                host.fence = None
                host.resume()
            give_back = lease.release(self.service.layout, self.fence.token)
            attempt(held, lambda host: host.change(give_back))

    def _take(self, host: Host) -> State:
        try:
            return self._ask(host)
        finally:
            if host is self._first:
                self._asked.set()

    def _ask(self, host: Host) -> State:
        begun = time.monotonic()
        gone = "-"
        host.open()
        self._in_turn(host)
        while True:
            self._asking.add(host)
            take = lease.take(self.service.layout, self.fence, self._holder, gone=gone)
            query = host_state.query(self.service.layout, self.service.volume)
            first, *seen = host.change(
                take, *query.commands, watch=Watch(ended=partial(self._heard, host))
            )
            self._asking.discard(host)
            setup = f"inv setup --env {self.service.settings.environment}"
            held = lease.judge(host.name, first, setup)
            if held is None:
                host.fence = self.fence
                self._heart.begin(host)
                return query.parse(seen)
            gone = self._next(host, held, begun, gone)

    def _in_turn(self, host: Host) -> None:
        """The first host's lease comes first, so that of two deploys one gets all of them and the other none."""
        if host is self._first:
            return
        while not self._asked.is_set():
            host.pause(0.02)
        if not self._ours:
            raise Interrupted(host.name, "not asked for its lease")

    def _heard(self, host: Host, index: int, code: int, _: str) -> None:
        """The others need not wait for the looks that follow."""
        if host is self._first and (index, code) == (0, 0):
            self._ours = True
            self._asked.set()

    def _next(self, host: Host, held: Held, begun: float, gone: str) -> str:
        """The token to take over, if its holder is known to be gone; waits, or raises LeaseHeld."""
        if held.orphaned and held.token != gone:
            host.notify("the holder of the lease has ended: taking it over")
            return held.token
        left = self._patience(held, time.monotonic() - begun)
        if left <= 0:
            raise held.error(host.name)
        host.notify(f"waiting for {held} ({left:.0f} s left)")
        host.pause(min(PAUSE, left))
        return gone

    def _patience(self, held: Held, passed: float) -> float:
        """Seconds that are still worth waiting."""
        if self.wait is not None:
            return self.wait - passed
        if held.alive:
            return 0.0
        return OUTLIVED - passed if held.state == lease.BUSY else float(held.left)


@contextmanager
def hold_lease(
    service: Service,
    hosts: Sequence[Host],
    progress: Progress,
    command: str,
    wait: float | None,
    commit: str = "",
) -> Iterator[tuple[Lease, dict[str, State]]]:
    """Hold the lease on all hosts; yields it with each host's state at that moment. Always given back at the end."""
    taken = Lease(service, hosts, command, wait, commit)
    progress.entered = taken.enter
    try:
        with progress.phase("look") as phase:
            states = taken.begin()
            for name, state in states.items():
                readiness.require(service, name, state)
            phase.outcome = readiness.describe(states)
        yield taken, states
    finally:
        progress.entered = None
        taken.release()
