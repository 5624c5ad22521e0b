"""The lease among processes that live, fall silent, die and are cancelled."""

import json
import signal
import time

import pytest

from tests.lab.faults import Fault

LEASE = "/opt/edgepaas/guestbook-lab/lease"


def lock(project):
    return json.loads(project.inv("lock.status", "--env", "lab", "--json").stdout)["hosts"][0]


@pytest.fixture
def building(project):
    """Starts a deploy, and waits until it builds: nothing of ours runs on the host then."""
    begun = []

    def begin(*before, ttl):
        project.configure(lease={"ttl": ttl})
        project.slow(90)
        words = ("deploy", "--env", "lab", "--version", "building")
        begun.append(project.start(*words, before=before))
        while lock(project)["phase"] != "build":
            assert begun[-1].poll() is None, begun[-1].communicate()
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()
    project.host.run(f"rm -f {LEASE}")


def test_a_long_build_keeps_its_lease_and_a_cancelled_one_gives_it_back(project, building):
    first = building(ttl=12)
    end = time.monotonic() + 14  # more than its time to live
    while time.monotonic() < end:
        seen = lock(project)
        assert (seen["held"], seen["alive"], seen["phase"]) == (True, True, "build"), seen
    refused = project.deploy("--version", "second", code=1)
    assert "waiting for" not in refused.stderr, "a living holder is not waited for"
    assert "another deploy is under way" in refused.stderr
    assert f"process {first.pid}) running deploy, in phase build" in refused.stderr
    said = project.inv("lock.release", "--env", "lab", code=1).stderr
    assert "the lease is in use" in said
    assert f"process {first.pid}" in said
    assert project.host.leases()

    begun = time.monotonic()
    first.send_signal(signal.SIGINT)
    time.sleep(0.1)
    first.send_signal(signal.SIGTERM)
    _, err = first.communicate(timeout=120)
    assert first.returncode == 130, err
    assert time.monotonic() - begun < 40
    assert project.host.leases() == ""
    assert project.inv("lock.status", "--env", "lab").stdout.strip() == "edge1: free"


# As if its last sign of life had come so long ago that two are missing, and that many seconds before it runs out.
LATER = f'sed -i "2s/.*/$(($(date +%s) + $1))/" {LEASE}'


def test_a_silent_holder_is_waited_for_and_not_a_second_less(project, building):
    """It dies on another machine, as far as ours can tell."""
    words = ("unshare", "--uts", "sh", "-c", 'hostname elsewhere; exec "$@"', "sh")
    first = building(*words, ttl=60)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    project.restore()
    project.host.run(LATER, "20")
    token, expires, *_ = project.host.run(f"cat {LEASE}").splitlines()
    second = project.start("deploy", "--env", "lab", "--version", "patient")
    while (now := project.host.run(f"cat {LEASE}; date +%s").splitlines())[0] == token:
        assert second.poll() is None, second.communicate()
        time.sleep(0.05)
    assert int(now[-1]) > int(expires)
    _, err = second.communicate(timeout=300)
    assert second.returncode == 0, err
    assert "waiting for" in err, "it met the lease"
    assert project.get()["version"] == "patient"


def test_a_lease_that_is_broken_by_force_ends_that_deploy_at_its_next_step(faulty):
    project = faulty.project
    first = faulty.start(faulty.words("deploy"), Fault("hold", "before", "start release"))
    faulty.reach(first)
    said = project.inv("lock.release", "--env", "lab", "--allow-live-holder").stdout
    assert "released; it was held by" in said
    assert f"process {first.pid}" in said
    faulty.go()
    done, _ = faulty.end(first)
    assert done.returncode == 1
    assert "no longer holds the lease, nothing was changed" in done.stderr
    assert project.status()[0]["drift"] == []


def test_what_a_dead_deploy_left_running_is_waited_for(project):
    """A program that outlived its connection, of a process that has ended: nobody needs to say --wait."""
    project.host.run(
        f"systemd-run -q --unit outlived flock {LEASE}.lock sleep 110; "
        f"while flock -n {LEASE}.lock true; do sleep 0.1; done"
    )
    process = project.start("deploy", "--env", "lab", "--version", "after-it")
    try:
        waits = "waiting for a program that outlived its connection"
        assert any(waits in line for line in process.stderr), "it ended without having waited"
    finally:
        project.host.run("systemctl stop outlived")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert project.get()["version"] == "after-it"
