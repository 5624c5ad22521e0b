"""The deploying process dies, or loses its host, around any round trip: no request is lost, the next deploy converges.

The round trips are those of the hosts' own trace in a run that nothing happened to; the host's journal has to have seen
as many. With EDGEPAAS_SOAK=1 every moment is tried, else some around the last three round trips.
"""

import time

import pytest

from edgepaas_tasks.lab.load import Load
from tests.lab.faults import SIDES, SOAK, Fault

KILLED = -9

# Counted from the last round trip.
DEPLOY = [("kill", -3, "amid"), ("kill", -2, "amid"), ("kill", -2, "after"), ("cut", -2, "amid")]
ROLLBACK = [("kill", -2, "after"), ("cut", -1, "amid")]


@pytest.mark.parametrize(("action", "short"), [("deploy", DEPLOY), ("rollback", ROLLBACK)])
def test_no_moment_of_a_run_is_a_bad_one_to_die_in(faulty, action, short):
    faulty.converge()  # so that there is a release to go back to
    trace = faulty.undisturbed(action)
    faulty.converge()
    commands = " ".join(command for one in trace for command in one["commands"])
    for part in ("take the lease", "start release", "flip to", "record release"):
        assert part in commands, "a part of the pipeline is missing from the trace"
    assert ("load the image" in commands) == (SOAK and action == "deploy")
    wanted = [(how, number % len(trace), side) for how, number, side in short]
    if SOAK:
        numbers = range(len(trace))
        wanted = [(how, n, side) for how in ("kill", "cut") for n in numbers for side in SIDES]
    bad = []
    for how, number, side in wanted:
        try:
            print(survive(faulty, action, Fault(how, side, number, trace[number]["seconds"] / 2)))
        except AssertionError as error:
            bad.append(f"{action}, {how} {side} {trace[number]['commands']}\n{error}")
    assert not bad, "\n\n".join(bad)


def survive(faulty, action: str, fault: Fault) -> str:
    """One moment and the next deploy, under load. A line about it."""
    with Load(faulty.project.url, connections=2) as load:
        time.sleep(0.2)
        done, _ = faulty.run(faulty.words(action), fault)
        faulty.converge()
        time.sleep(0.2)
    if fault.how == "kill":
        assert done.returncode == KILLED, done.stderr
    elif done.returncode != 0:
        assert (done.returncode, "the connection ended" in done.stderr) == (1, True), done.stderr
    assert load.report.failed == 0, f"{done.stderr}\n{load.report}"
    return f"{action}, {fault}: {load.report.sent} requests, 0 failed"
