"""A deploying process that is killed, cut off from its host, or stopped, at a given moment.

A moment is a round trip of the host's own trace, by its number or by the name of a command in it, and a side of it:
`before` it is sent, `amid` it (the program runs on the host), `after` its answer came. `arm` is for the tasks.py of a
test's project, `Faulty` for the test.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

SOAK = bool(os.environ.get("EDGEPAAS_SOAK"))
SIDES = ("before", "amid", "after")
PLAIN = "from edgepaas_tasks import ns\n"
ARMED = f"{PLAIN}from tests.lab import faults\n\nfaults.arm()\n"
PATIENCE = 300.0  # seconds
# Short where we wait for time to pass, long where a busy machine needs it.
QUICK = {"flip": {"bake": 0.5, "drain": 5}, "health": {"timeout": 60}}


@dataclass(frozen=True)
class Fault:
    """`how`: "kill", "cut", "tell" (only) or "hold" (until told to go on). `delay`: seconds from sending to `amid`.

    `host`: the only one that it happens at; every one if not given.
    """

    how: str
    side: str
    at: int | str
    delay: float = 0.1
    host: str = ""

    def __str__(self) -> str:
        return f"{self.how} {self.side} {self.at}"

    def meets(self, side: str, host: str, number: int, batch) -> bool:
        named = isinstance(self.at, str) and any(self.at in str(one) for one in batch.commands)
        return self.side == side and self.host in ("", host) and (named or self.at == number)

    def environment(self) -> dict[str, str]:
        return {"FAULT": json.dumps(astuple(self))}


def arm() -> None:
    """Wraps every round trip of this process: writes it to $TRACE, and does the $FAULT when its moment comes."""
    from edgepaas_tasks.remote.host import Host

    if "TRACE" not in os.environ:
        return
    trace = Path(os.environ["TRACE"])
    fault = Fault(*json.loads(os.environ["FAULT"])) if "FAULT" in os.environ else None
    execute = Host._execute
    # A lease's signs of life go over a connection, and into a trace, of their own.
    twins = set()

    def clone(host):
        twins.add(made := host.unarmed_clone())
        return made

    if hasattr(Host, "clone"):
        Host.unarmed_clone, Host.clone = Host.clone, clone

    def note(word: str, **more) -> None:
        # Whole lines, written before the process may die.
        with trace.open("a") as file:
            file.write(json.dumps({"event": word, **more}) + "\n")

    def strike(host) -> None:
        note("fault", fault=str(fault))
        if fault.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.how == "cut":
            # Both ends are told at once, as by a router that sends resets.
            host.transport.open()
            host.transport._link._connection.transport.sock.shutdown(socket.SHUT_RDWR)
        while fault.how == "hold" and trace.exists() and not trace.with_suffix(".go").exists():
            time.sleep(0.02)

    def wrapped(host, batch, **how):
        if host in twins:
            return execute(host, batch, **how)
        number = len(host.trace)
        strikes: list[str] = []

        def once() -> None:
            if not strikes:
                strikes.append("struck")
                strike(host)

        if fault is not None and fault.meets("before", host.name, number, batch):
            strike(host)
        if amid := fault is not None and fault.meets("amid", host.name, number, batch):
            host.transport.open()
            threading.Timer(fault.delay, once).start()
        try:
            return execute(host, batch, **how)
        finally:
            if amid:
                once()  # it was faster than last time: in its last moment, then
            if len(host.trace) > number:  # else it did not even connect
                note("exec", host=host.name, number=number, **asdict(host.trace[number]))
            if fault is not None and fault.meets("after", host.name, number, batch):
                strike(host)

    Host._execute = wrapped


class Faulty:
    """A project whose `inv` can be made to fail at a moment, and that tells its round trips."""

    def __init__(self, project) -> None:
        self.project = project
        self.trace = project.folder / "trace"
        self.image = self.live_image()
        self.configure()
        (project.folder / "tasks.py").write_text(ARMED)

    def live_image(self) -> str:
        """The id of the image that serves."""
        form = "docker inspect -f '{{.Image}}' guestbook-lab-$1"
        return self.project.host.run(form, self.project.status()[0]["slot"])

    def configure(self, **over) -> None:
        self.project.configure(**{**QUICK, **over})

    def disarm(self) -> None:
        """Also ends what a failed test has left running."""
        self.trace.unlink(missing_ok=True)  # which lets a held process go on
        self.project.end()
        (self.project.folder / "tasks.py").write_text(PLAIN)

    def words(self, action: str, *, changed: bool = False) -> tuple[str, ...]:
        """A rollback; or a deploy, of the image that is live or of a change that has to be built and sent."""
        if action == "rollback":
            return ("rollback",)
        version = f"v{time.time_ns()}"
        if not changed:
            return ("deploy", "--image", self.image, "--version", version)
        self.project.change(f"# {version}")
        return ("deploy", "--version", version)

    def start(self, words, fault: Fault | None = None) -> subprocess.Popen:
        self.trace.unlink(missing_ok=True)
        self.trace.with_suffix(".go").unlink(missing_ok=True)
        environment = {"TRACE": str(self.trace), **(fault.environment() if fault else {})}
        return self.project.start(*words, "--env", "lab", **environment)

    def reach(self, process: subprocess.Popen) -> None:
        """Returns when the process is at the moment of its fault."""
        end = time.monotonic() + PATIENCE
        while not self.struck:
            assert time.monotonic() < end
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)

    def go(self) -> None:
        """Lets a held process go on."""
        self.trace.with_suffix(".go").touch()

    def end(self, process: subprocess.Popen):
        """The ended process, and the round trips that it made."""
        out, err = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in err, err
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        return done, [one for one in self.events if one["event"] == "exec"]

    def run(self, words, fault: Fault | None = None):
        """`start` and `end`; the fault has to have happened."""
        done, trace = self.end(self.start(words, fault))
        assert self.struck == ([str(fault)] if fault else []), f"{done.stdout}\n{done.stderr}"
        return done, trace

    def converge(self) -> str:
        """The next deploy, without hand-work; its version."""
        words = self.words("deploy")
        done, _ = self.run(words)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        status = self.project.status()[0]
        assert (status["version"], status["drift"]) == (words[-1], [])
        assert status["health"]["ok"]
        assert self.project.host.leases() == ""
        return words[-1]

    @property
    def events(self) -> list[dict]:
        lines = self.trace.read_text().splitlines() if self.trace.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def struck(self) -> list[str]:
        return [one["fault"] for one in self.events if one["event"] == "fault"]

    def undisturbed(self, words) -> list[dict]:
        """The trace of a run that nothing happens to, which the run itself and the host's journal bear out."""
        before = self.project.host.execs()
        done, trace = self.run(words)
        assert done.returncode == 0, done.stderr
        told = int(re.search(r"\(([0-9]+) round trips\)", done.stdout)[1])
        assert len(trace) == told, trace
        # A shell that was prepared and not needed is one more.
        assert self.project.host.execs() - before - told in (0, 1), trace
        return trace
