"""Holding the lease on every host of a service for as long as something is being changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from edgepaas_tasks import readiness
from edgepaas_tasks.progress import Progress
from edgepaas_tasks.service import Service, holder
from remote import lease
from remote import service as at
from remote.batch import Fence
from remote.host import Host
from remote.lease import Held
from remote.parallel import attempt, on_each
from remote.service import State

PAUSE = 2.0  # seconds between two looks at a lease that somebody else holds


class Tenure:
    """The lease on all hosts, or on none. `release` gives back what is still held, and never raises."""

    def __init__(self, service: Service, hosts: Sequence[Host], command: str, wait: float) -> None:
        self.service = service
        self.hosts = hosts
        self.wait = wait
        self.fence = Fence(service.layout.lease, secrets.token_hex(16), service.settings.lease.ttl)
        self._holder = holder(command)
        self._asking: set[Host] = set()  # those whose answer has not come yet

    def begin(self) -> dict[str, State]:
        """Take the lease and look, in one round trip a host; what was seen, by host."""
        for host in self.hosts:
            host.busy = True
        try:
            return on_each(self.hosts, self._take)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the lease back wherever we have it; a host that does not answer keeps it until it runs out."""
        # Also where the answer to our asking was cut off: the script looks whether the token is ours.
        held = [one for one in self.hosts if one.fence is not None or one in self._asking]
        self._asking.clear()
        for host in self.hosts:
            host.busy = False
        for host in held:
            host.fence = None
        attempt(
            held,
            lambda host: host.change(lease.release(self.service.layout, self.fence, fenced=False)),
        )

    def _take(self, host: Host) -> State:
        deadline = time.monotonic() + self.wait
        gone = "-"
        while True:
            self._asking.add(host)
            take = lease.take(self.service.layout, self.fence, self._holder, gone=gone)
            first, *looks = host.change(take, *at.look(self.service.layout, self.service.volume))
            self._asking.discard(host)
            held = lease.judge(host.name, first)
            if held is None:
                host.fence = self.fence
                return at.parse(looks)
            gone = self._next(host, held, deadline, gone)

    def _next(self, host: Host, held: Held, deadline: float, gone: str) -> str:
        """The token to take over, if its holder is known to be gone; waits, or raises LeaseHeld."""
        if held.orphaned and held.token != gone:
            host.tell("the holder of the lease has ended: taking it over")
            return held.token
        left = deadline - time.monotonic()
        if left <= 0:
            raise held.error(host.name)
        host.tell(f"waiting for {held.holder or 'a changing program'} ({left:.0f} s left)")
        time.sleep(min(PAUSE, left))
        return gone


@contextmanager
def held(
    service: Service, hosts: Sequence[Host], progress: Progress, command: str, wait: float
) -> Iterator[tuple[Tenure, dict[str, State]]]:
    """The lease on all hosts, with what was seen when it was taken; given back at the end, come what may."""
    tenure = Tenure(service, hosts, command, wait)
    try:
        with progress.phase("look") as phase:
            states = tenure.begin()
            for name, state in states.items():
                readiness.require(service, name, state)
            phase.outcome = readiness.describe(states)
        yield tenure, states
    finally:
        tenure.release()
