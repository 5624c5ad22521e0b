"""A deploying process that is killed, or cut off from its host, at a given moment: what a test's tasks.py arms.

A moment is a round trip of the host's own trace, by its number, and a side of it: `before` it is sent, `amid` it (the
program runs on the host), `after` its answer came.
"""

import json
import os
import signal
import socket
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

TASKS = "from edgepaas_tasks import ns\nfrom tests.lab import faults\n\nfaults.arm()\n"
SIDES = ("before", "amid", "after")


@dataclass(frozen=True)
class Fault:
    """`how` is "kill" or "cut". `delay`: seconds from sending to `amid`."""

    how: str
    side: str
    number: int
    delay: float = 0.0

    def __str__(self) -> str:
        return f"{self.how} {self.side} {self.number}"

    def environment(self) -> dict[str, str]:
        return {"FAULT": json.dumps([self.how, self.side, self.number, self.delay])}


def arm() -> None:
    """Wraps every round trip of this process: writes it to $TRACE, and does the $FAULT when its moment comes."""
    from remote.host import Host

    if "TRACE" not in os.environ:
        return
    trace = Path(os.environ["TRACE"])
    fault = Fault(*json.loads(os.environ["FAULT"])) if "FAULT" in os.environ else None
    execute = Host._execute

    def note(word: str, **more) -> None:
        # Whole lines, on disk before the process may die.
        with trace.open("a") as file:
            file.write(json.dumps({"event": word, **more}) + "\n")

    def strike(host, side: str, number: int) -> None:
        if fault is None or (fault.side, fault.number) != (side, number):
            return
        note("fault", fault=str(fault))
        if fault.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        host.transport.open()
        # The kernel tells both ends at once, as when a router between them sends a reset.
        host.transport._connection.transport.sock.shutdown(socket.SHUT_RDWR)

    def wrapped(host, batch, **how):
        number = len(host.trace)
        strike(host, "before", number)
        timer = None
        if fault is not None and (fault.side, fault.number) == ("amid", number):
            host.transport.open()
            timer = threading.Timer(fault.delay, strike, (host, "amid", number))
            timer.start()
        try:
            return execute(host, batch, **how)
        finally:
            if timer is not None:
                timer.cancel()
            if len(host.trace) > number:  # else it did not even connect
                note("exec", host=host.name, number=number, **asdict(host.trace[number]))
            strike(host, "after", number)

    Host._execute = wrapped
