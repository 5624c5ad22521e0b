"""The deploying process dies, or loses its host, around any round trip: no request is lost, the next deploy converges.

The round trips are those of the hosts' own trace in a run that nothing happened to; the host's journal has to have seen
as many. With EDGEPAAS_SOAK=1 every moment is tried, else those around the last three round trips.
"""

import json
import os
import re
import subprocess
import time

import pytest

from edgepaas_tasks.lab.load import Load
from tests.lab import faults
from tests.lab.faults import SIDES, Fault

SOAK = bool(os.environ.get("EDGEPAAS_SOAK"))
KILLED = -9


class Faulty:
    """A project whose `inv` can be made to fail at a moment, and that tells its round trips."""

    def __init__(self, project) -> None:
        self.project = project
        self.trace = project.folder / "trace"
        form = "docker inspect -f '{{.Image}}' guestbook-lab-$1"
        self.image = project.host.run(form, project.status()[0]["slot"])
        project.configure(flip={"bake": 0.5, "drain": 5})
        (project.folder / "tasks.py").write_text(faults.TASKS)

    def run(self, words, fault: Fault | None = None):
        """The ended process, and the round trips that it made."""
        self.trace.unlink(missing_ok=True)
        environment = {"TRACE": str(self.trace), **(fault.environment() if fault else {})}
        process = self.project.start(*words, "--env", "lab", **environment)
        out, err = process.communicate(timeout=120)
        done = subprocess.CompletedProcess(words, process.returncode, out, err)
        lines = [json.loads(line) for line in self.trace.read_text().splitlines()]
        struck = [one["fault"] for one in lines if one["event"] == "fault"]
        assert struck == ([str(fault)] if fault else []), f"{out}\n{err}"
        return done, [one for one in lines if one["event"] == "exec"]

    def words(self, action: str) -> tuple[str, ...]:
        """A rollback; or a deploy, in the long form of a change of code that has to be built and sent."""
        if action == "rollback":
            return ("rollback",)
        version = f"v{time.time_ns()}"
        if not SOAK:
            return ("deploy", "--image", self.image, "--version", version)
        self.project.change(f"# {version}")
        return ("deploy", "--version", version)

    def moments(self, action: str) -> tuple[list[dict], list[tuple[int, str, float]]]:
        """The round trips of a run that nothing happens to; for each its number, the sides, and half its time."""
        before = self.project.host.execs()
        done, trace = self.run(self.words(action))
        assert done.returncode == 0, done.stderr
        told = int(re.search(r"\(([0-9]+) round trips\)", done.stdout)[1])
        assert len(trace) == told == self.project.host.execs() - before, trace
        found = [(one["number"], side, one["seconds"] / 2) for one in trace for side in SIDES]
        return trace, found

    def survive(self, action: str, fault: Fault) -> str:
        """One moment, under load, and the next deploy. Raises AssertionError; a line about it."""
        with Load(self.project.url, connections=2) as load:
            time.sleep(0.2)
            done, trace = self.run(self.words(action), fault)
            words = self.words("deploy")
            after, _ = self.run(words)
            time.sleep(0.2)
        said = f"{action}, {fault}: exit {done.returncode}\n{done.stderr}\n{after.stderr}"
        assert "Traceback" not in done.stderr, said
        if fault.how == "kill":
            assert done.returncode == KILLED, said
        elif done.returncode != 0:
            assert (done.returncode, "the connection ended" in done.stderr) == (1, True), said
        assert load.report.failed == 0, f"{said}\n{load.report}"
        assert after.returncode == 0, said
        status = self.project.status()[0]
        assert (status["version"], status["drift"]) == (words[-1], []), said
        assert status["health"]["ok"], said
        assert self.project.host.leases() == "", said
        return f"{action}, {fault}: {load.report.sent} requests, 0 failed"


@pytest.fixture
def faulty(project):
    yield Faulty(project)
    (project.folder / "tasks.py").write_text("from edgepaas_tasks import ns\n")


# Counted from the last round trip.
DEPLOY = [("kill", -3, "amid"), ("kill", -2, "amid"), ("kill", -2, "after"), ("cut", -2, "amid")]
ROLLBACK = [("kill", -2, "after"), ("cut", -1, "amid")]


@pytest.mark.parametrize(("action", "short"), [("deploy", DEPLOY), ("rollback", ROLLBACK)])
def test_no_moment_of_a_run_is_a_bad_one_to_die_in(faulty, action, short):
    faulty.run(faulty.words("deploy"))  # so that there is a release to go back to
    trace, moments = faulty.moments(action)
    faulty.run(faulty.words("deploy"))
    commands = " ".join(command for one in trace for command in one["commands"])
    for part in ("take the lease", "start release", "flip to", "record release"):
        assert part in commands, "a part of the pipeline is missing from the trace"
    assert ("load the image" in commands) == (SOAK and action == "deploy")
    delays = {(number, side): delay for number, side, delay in moments}
    wanted = [(how, number % len(trace), side) for how, number, side in short]
    if SOAK:
        wanted = [(how, number, side) for how in ("kill", "cut") for number, side, _ in moments]
    bad = []
    for how, number, side in wanted:
        try:
            print(faulty.survive(action, Fault(how, side, number, delays[number, side])))
        except AssertionError as error:
            bad.append(str(error))
    assert not bad, "\n\n".join(bad)
