"""The lease: one holder at a time, taken over only when it is gone, and a fence around every change."""

import fcntl
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from edgepaas_tasks.remote.batch import Fence
from edgepaas_tasks.remote.command import argv, script
from edgepaas_tasks.remote.errors import CommandFailed, LeaseLost
from edgepaas_tasks.remote.service.lease import (
    HELD,
    NOT_SET_UP,
    Held,
    Holder,
    judge,
    machine,
    parse,
    parse_holder,
)

ME = Holder("ann", "laptop", 1, "deploy")
YOU = Holder("bob", "runner", 2, "deploy")


@pytest.fixture
def lease(service):
    return service / "lease"


def take(run, lease, token, holder=ME, ttl="60", gone="-"):
    result = run(
        "lease-take",
        codes=(0, HELD, NOT_SET_UP),
        lease=str(lease),
        mine=token,
        ttl=ttl,
        holder=holder.line(),
        gone=gone,
    )
    return judge("web1", result, "inv setup --env prod")


@contextmanager
def running(lease):
    """What a changing program does for as long as it runs: it holds the lock, and that at once."""
    with open(f"{lease}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def test_the_first_one_takes_it_and_the_second_is_told_who_has_it(run, lease):
    assert take(run, lease, "one", ME) is None
    held = take(run, lease, "two", YOU)
    assert held is not None
    assert held.holder == ME
    assert "ann (laptop, process 1) running deploy" in str(held.error("web1"))
    assert lease.stat().st_mode & 0o777 == 0o600


def test_the_same_token_takes_it_again(run, lease):
    assert take(run, lease, "one") is None
    assert take(run, lease, "one") is None


def test_a_full_disk_is_named_and_leaves_the_lease_as_it_was(run, lease):
    assert take(run, lease, "one", ttl="60") is None
    before = lease.read_text()
    (lease.parent / "lease.new").symlink_to("/dev/full")
    with pytest.raises(CommandFailed, match="failed") as caught:
        take(run, lease, "one", ttl="900")
    assert "the lease cannot be written: " in caught.value.got
    assert f"KB free under {lease.parent}" in caught.value.got
    run.host.fence = Fence(str(lease), "one", 900)
    run.host.change(argv("true"))
    assert lease.read_text() == before


def test_a_silent_holder_is_taken_over_after_its_time_to_live_and_not_before(run, lease, stubs):
    stubs.add("date", "echo 1000")
    assert take(run, lease, "one", ttl="60") is None
    # Whole seconds: one that has just begun may have begun a whole second ago.
    stubs.add("date", "echo 1060")
    assert take(run, lease, "two", YOU) is not None
    stubs.add("date", "echo 1061")
    assert take(run, lease, "two", YOU) is None


def test_a_holder_that_is_known_to_be_gone_is_taken_over_at_once(run, lease):
    assert take(run, lease, "one") is None
    assert take(run, lease, "two", YOU, gone="other") is not None
    assert take(run, lease, "two", YOU, gone="one") is None


def test_a_lease_file_that_was_cut_short_blocks_nobody(run, lease):
    lease.write_text("one\n")
    assert take(run, lease, "two") is None


def test_it_is_given_back_by_its_holder_only(run, lease):
    take(run, lease, "one")
    assert run("lease-release", str(lease), "two").text == "not ours"
    assert lease.exists()
    assert run("lease-release", str(lease), "one").text == "released"
    assert not lease.exists()
    run("lease-release", str(lease), "one")


def test_a_service_that_is_not_set_up_says_so(run, tmp_path):
    from edgepaas_tasks.remote.errors import RemoteError

    with pytest.raises(RemoteError, match="not set up"):
        take(run, tmp_path / "nowhere" / "lease", "one")


def test_a_change_without_the_lease_changes_nothing(run, lease, tmp_path):
    take(run, lease, "one")
    host = run.host
    host.fence = Fence(str(lease), "two", 60)
    with pytest.raises(LeaseLost, match="no longer holds the lease"):
        host.change(argv("touch", str(tmp_path / "never")))
    assert not (tmp_path / "never").exists()


def test_a_change_renews_the_lease(run, lease):
    take(run, lease, "one", ttl="2")
    before = int(lease.read_text().splitlines()[1])
    host = run.host
    host.fence = Fence(str(lease), "one", 100)
    host.phase = "start"
    host.change(argv("true"))
    token, expires, holder, phase = lease.read_text().splitlines()
    assert token == "one"
    assert int(expires) > before + 50
    assert parse_holder(holder) == ME
    assert phase == "start"
    assert lease.stat().st_mode & 0o777 == 0o600


def test_nobody_else_on_the_host_can_hold_a_lock(run, lease):
    """Who can open a file for reading can lock it (flock(2))."""
    locks = [lease.with_name(f"lease.{name}") for name in ("lock", "write")]
    for lock in locks:  # as a former version left them
        lock.touch(0o644)
    take(run, lease, "one")
    assert {lock.stat().st_mode & 0o777 for lock in locks} == {0o600}
    locks[0].unlink()
    run.host.fence = Fence(str(lease), "one", 100)
    (result,) = run.host.change(argv("sh", "-c", "umask"))
    assert result.text == "0022", "what runs has the usual mask"
    assert locks[0].stat().st_mode & 0o777 == 0o600


def test_a_changing_program_that_outlived_its_connection_is_never_overtaken(run, lease, stubs):
    stubs.add("date", "echo 1000")
    take(run, lease, "one", ttl="60")
    stubs.add("date", "echo 1061")
    with running(lease):
        held = take(run, lease, "two", gone="one")
    assert held is not None, "expired, but its program still runs"
    assert (held.state, held.alive) == ("busy", False)
    assert take(run, lease, "two") is None


def test_a_living_holder_is_named_at_once_while_its_program_runs(run, lease):
    take(run, lease, "one")
    with running(lease):
        held = take(run, lease, "two", YOU)
    # One that had waited for the lock would say that it is busy.
    assert (held.state, held.holder) == ("held", ME)


def test_a_lease_given_back_while_a_program_still_runs_waits_for_that_program(run, lease):
    """An interrupted deploy gives it back at once; the next one may not meet what it left running."""
    take(run, lease, "one")
    with running(lease):
        run("lease-release", str(lease), "one")
        assert not lease.exists()
        assert str(take(run, lease, "two")) == "a program that outlived its connection"
    assert take(run, lease, "two") is None


def test_giving_it_back_inside_a_fenced_program_does_not_wait_for_itself(run, lease):
    take(run, lease, "one")
    host = run.host
    host.fence = Fence(str(lease), "one", 60)
    begun = time.monotonic()
    host.change(script("lease-release", str(lease), "one"))
    assert time.monotonic() - begun < 10, "it would wait so long for a lock"
    assert not lease.exists()


def beat(run, lease, token, says, codes=(0,)):
    return run("lease-beat", str(lease), token, "100", stdin=says, codes=codes)


def test_a_sign_of_life_renews_the_lease_while_a_program_holds_the_lock(run, lease):
    take(run, lease, "one", ttl="2")
    before = int(lease.read_text().splitlines()[1])
    with running(lease):
        beat(run, lease, "one", b"ship\nstart\n")
    token, expires, holder, phase = lease.read_text().splitlines()
    assert (token, parse_holder(holder), phase) == ("one", ME, "start")
    assert int(expires) > before + 50


def test_a_sign_of_life_for_a_lease_of_somebody_else_changes_nothing(run, lease):
    take(run, lease, "two", YOU)
    before = lease.read_text()
    beat(run, lease, "one", b"ship\n", codes=(75,))
    assert lease.read_text() == before
    lease.unlink()
    beat(run, lease, "one", b"ship\n", codes=(75,))
    assert not lease.exists()


def test_a_look_tells_who_has_it_since_when_and_whether_something_runs(run, lease):
    def look():
        return parse(run("lease-look", str(lease)).stdout)

    assert look() is None
    take(run, lease, "one", replace(ME, ttl=60), ttl="60")
    held = look()
    assert (held.state, held.alive, held.holder.who) == ("held", True, "ann")
    assert held.quiet <= 30
    assert held.left == 61 - held.quiet
    with running(lease):
        assert look().state == "busy"


@pytest.mark.parametrize(("quiet", "alive"), [(0, True), (30, True), (31, False), (61, False)])
def test_a_holder_is_alive_until_two_signs_of_life_are_missing(quiet, alive):
    holder = Holder("ann", "elsewhere", 1, ttl=60)
    held = Held("token", expires=1060, holder=holder, now=1000 + quiet)
    assert held.quiet == quiet
    assert held.alive is alive
    assert held.left == 61 - quiet


def test_a_dead_process_of_this_machine_is_an_orphan():
    process = subprocess.Popen(["true"])
    process.wait()
    assert Held("t", 0, Holder("ann", machine(), process.pid)).orphaned
    assert not Held("t", 0, Holder("ann", "elsewhere", process.pid)).orphaned
    assert not Held("t", 0, Holder("ann", machine(), 1)).orphaned
    assert not Held("t", 0, None).orphaned


def test_a_container_of_the_same_host_name_is_another_machine():
    """Its processes are none here; from in there a deploy of ours must not look dead."""
    words = (
        sys.executable,
        "-c",
        "from edgepaas_tasks.remote.service.lease import machine; print(machine())",
    )
    within = ("unshare", "--pid", "--fork", "--mount-proc")
    here, there = (
        subprocess.run((*before, *words), capture_output=True, text=True, check=True).stdout.strip()
        for before in ((), within)
    )
    assert here == machine()
    assert there != here
