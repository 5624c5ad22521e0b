"""The deploying process dies, or loses its host, around any round trip: no request is lost, the next deploy converges.

The round trips are those of the hosts' own trace in a run that nothing happened to; the host's journal has to have seen
as many. With EDGEPAAS_SOAK=1 every moment is tried, else those around the flip.
"""

import time

import pytest

from edgepaas_tasks.lab.load import Load
from tests.lab.conftest import STEADY
from tests.lab.faults import SIDES, SOAK, Fault

KILLED = -9

# Counted from the last round trip.
SHORT = {
    ("deploy", "kill"): [(-3, "after"), (-2, "amid"), (-2, "after")],
    ("deploy", "cut"): [(-2, "amid")],
    ("rollback", "kill"): [(-2, "after")],
    ("rollback", "cut"): [(-2, "amid")],
}
PARTS = ("take the lease", "start release", "flip to", "drain and stop")


@pytest.mark.parametrize(("action", "how"), SHORT)
def test_no_moment_of_a_run_is_a_bad_one(faulty, traces, action, how):
    if action not in traces:
        faulty.converge()  # so that there is a release to go back to
        traces[action] = faulty.undisturbed(faulty.words(action, changed=SOAK))
        faulty.converge()
    trace = traces[action]
    commands = " ".join(command for one in trace for command in one["commands"])
    assert all(part in commands for part in PARTS), "a part of the pipeline is missing"
    assert ("load the image" in commands) == (SOAK and action == "deploy")
    wanted = [(number % len(trace), side) for number, side in SHORT[action, how]]
    if SOAK:
        wanted = [(number, side) for number in range(len(trace)) for side in SIDES]
    bad = []
    for number, side in wanted:
        try:
            print(survive(faulty, action, Fault(how, side, number, trace[number]["seconds"] / 2)))
        except AssertionError as error:
            bad.append(f"{action}, {how} {side} {trace[number]['commands']}\n{error}")
            print(f"FAILED {bad[-1]}")
    assert not bad, "\n\n".join(bad)


def test_a_failed_test_leaves_no_deploy_behind(faulty):
    """Neither a process nor its lease, which would fail all tests after it."""
    process = faulty.start(faulty.words("deploy"), Fault("hold", "before", "flip to"))
    faulty.reach(process)
    assert faulty.project.host.leases() != ""
    faulty.disarm()
    assert process.poll() is not None
    assert faulty.project.host.leases() == ""


@pytest.fixture(scope="module")
def traces():
    """What a run that nothing happened to went through, by action."""
    return {}


def survive(faulty, action: str, fault: Fault) -> str:
    """One moment and the next deploy, under load. A line about it."""
    with Load(faulty.project.url, **STEADY) as load:
        time.sleep(0.2)
        done, _ = faulty.run(faulty.words(action, changed=SOAK), fault)
        faulty.converge()
        time.sleep(0.2)
    if fault.how == "kill":
        assert done.returncode == KILLED, done.stderr
    elif done.returncode != 0:
        assert (done.returncode, "the connection ended" in done.stderr) == (1, True), done.stderr
    assert load.report.failed == 0, f"{done.stderr}\n{load.report}"
    return f"{action}, {fault}: {load.report.sent} requests, 0 failed"
