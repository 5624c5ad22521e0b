"""Three hosts: all get a release, or none does, whoever dies."""

import json
import signal
import time

import pytest

from edgepaas_tasks.lab import hosts as lab_hosts
from edgepaas_tasks.lab.load import Load
from tests.lab.conftest import STEADY
from tests.lab.faults import Fault, Faulty

BASE = "/opt/edgepaas/guestbook-lab"


@pytest.fixture
def trio(three):
    """All three on one healthy release."""
    three.restore()
    if len({host["version"] for host in three.status()}) > 1 or not three.status()[0]["slot"]:
        three.deploy("--version", "base")
    for host in three.hosts:
        host.run(f"rm -f {BASE}/data/shy")
    yield three
    three.end()


def serving(project):
    """What each host serves, and whether it is well."""
    return [(host["release"], host["health"]["ok"]) for host in project.status()]


def flags(project):
    return [host.run(f"readlink {BASE}/live") for host in project.hosts]


def until(what, seconds=120):
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return answer


def test_all_hosts_get_the_release_and_none_when_one_can_not(trio):
    trio.deploy("--version", "one")
    before = trio.status()
    assert [host["version"] for host in before] == ["one"] * 3
    assert len({host["release"] for host in before}) == 1

    # It does not come up on the third host, and on the others it does.
    settings = trio.app / "guestbook" / "settings.py"
    settings.write_text(
        settings.read_text() + "\nimport os\nassert not os.path.exists('/data/sick'), 'no way'\n"
    )
    trio.hosts[2].run(f"touch {BASE}/data/sick")
    with Load(trio.url, **STEADY) as load:
        done = trio.deploy("--version", "two", code=1)
    trio.hosts[2].run(f"rm {BASE}/data/sick")
    assert "edge3: " in done.stderr
    assert "no way" in done.stderr
    assert load.report.failed == 0, str(load.report)
    assert serving(trio) == [(before[0]["release"], True)] * 3
    assert [host.leases() for host in trio.hosts] == [""] * 3

    trio.deploy("--version", "three")
    assert [host["version"] for host in trio.status()] == ["three"] * 3
    trio.inv("rollback", "--env", "lab")
    assert [host["version"] for host in trio.status()] == ["one"] * 3
    (ledger,) = {
        json.dumps(one["releases"])
        for one in json.loads(trio.inv("releases", "--env", "lab", "--json").stdout)["hosts"]
    }
    assert [one["result"] for one in json.loads(ledger)][-4:] == ["good", "failed", "good", "good"]


def test_one_that_fails_after_the_flip_takes_all_of_them_back_at_once(trio):
    before, was = serving(trio), flags(trio)
    trio.shy()
    trio.configure(flip={"bake": 90})
    process = trio.start("deploy", "--env", "lab", "--version", "shy")
    until(lambda: not set(flags(trio)) & set(was))
    # All have flipped when the second host begins to fail behind nginx.
    trio.hosts[1].run(f"touch {BASE}/data/shy")
    begun = time.monotonic()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert time.monotonic() - begun < 60, "nobody waits for the end of the bake"
    assert "edge2: " in err
    assert "answered 500" in err
    assert "errors for at most" in err
    assert "flipped back too: edge1, edge3" in err
    assert flags(trio) == was
    assert serving(trio) == before
    assert [host.leases() for host in trio.hosts] == [""] * 3


def test_a_controller_that_dies_in_the_bake_leaves_all_hosts_where_they_were(trio):
    was = flags(trio)
    trio.change("# killed")
    trio.configure(flip={"bake": 90})
    with Load(trio.url, **STEADY) as load:
        process = trio.start("deploy", "--env", "lab", "--version", "killed")
        until(lambda: flags(trio) != was)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        until(lambda: flags(trio) == was, 60)
    assert load.report.failed == 0, str(load.report)
    trio.restore()
    trio.deploy("--version", "after")
    assert [host["version"] for host in trio.status()] == ["after"] * 3


def test_a_controller_that_dies_between_the_flips_leaves_nothing_to_do_by_hand(trio):
    """Two hosts have flipped, the third has not been told to yet."""
    was = flags(trio)
    faulty = Faulty(trio)
    try:
        faulty.configure(flip={"bake": 90})
        process = faulty.start(
            faulty.words("deploy"), Fault("hold", "before", "flip to", host="edge3")
        )
        faulty.reach(process)

        def flipped():
            return [now != before for now, before in zip(flags(trio), was, strict=True)]

        until(lambda: flipped() == [True, True, False])
        process.kill()
        process.communicate()
        faulty.configure()
        faulty.converge()
    finally:
        faulty.disarm()
    assert len({(host["version"], host["release"]) for host in trio.status()}) == 1
    assert [host["drift"] for host in trio.status()] == [[]] * 3
    assert [host["health"]["ok"] for host in trio.status()] == [True] * 3


def test_a_cancelled_deploy_gives_back_every_lease_and_every_flag(trio):
    was = flags(trio)
    trio.change("# cancelled")
    trio.configure(flip={"bake": 90})
    process = trio.start("deploy", "--env", "lab", "--version", "cancelled")
    until(lambda: flags(trio) != was)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert time.monotonic() - begun < 40
    assert [host.leases() for host in trio.hosts] == [""] * 3
    until(lambda: flags(trio) == was, 60)


def test_a_host_that_missed_the_decision_is_put_on_it_by_the_next_run_whatever_becomes_of_that(
    trio,
):
    """As when the controller and the third host died right after it was decided to keep a release."""
    trio.configure(flip={"keep_warm": True})
    trio.deploy("--version", "decided")
    decided = trio.status()[0]
    third = trio.hosts[2]
    before = third.run(f"tail -n 2 {BASE}/history.jsonl | head -n 1")
    third.run(
        f"cd {BASE} && sed -i '$d' history.jsonl && ln -sfn slots/$1/$2 live.new && mv -T live.new live",
        {"blue": "green", "green": "blue"}[trio.status()[2]["slot"]],
        str(json.loads(before)["release"]),
    )
    apart = trio.status()
    assert apart[2]["release"] != decided["release"]
    assert "all hosts were to serve" in apart[2]["drift"][0]

    settings = trio.app / "guestbook" / "settings.py"
    settings.write_text(settings.read_text() + "\nimport a_module_that_is_not_there\n")
    done = trio.deploy("--version", "broken", code=1)
    assert f"release {decided['release']} is what was decided on: edge3 moved to it" in done.stderr
    assert serving(trio) == [(decided["release"], True)] * 3
    assert [host["drift"] for host in trio.status()] == [[]] * 3


def test_a_host_that_dies_in_the_bake_is_named_and_the_others_go_back(trio):
    was = flags(trio)
    trio.change("# died")
    trio.configure(flip={"bake": 90})
    process = trio.start("deploy", "--env", "lab", "--version", "died")
    until(lambda: was[1] not in flags(trio) and was[0] not in flags(trio))
    lab_hosts.reboot(trio.hosts[2].host)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "edge3: " in err
    until(lambda: flags(trio)[:2] == was[:2], 60)
    trio.restore()
    until(lambda: trio.status()[2]["containers"])
    trio.inv("rollback", "--env", "lab")
    assert len({host["release"] for host in trio.status()}) == 1
    assert [host["health"]["ok"] for host in trio.status()] == [True] * 3


def test_a_host_that_is_down_is_named_and_the_others_are_told(trio):
    container = trio.hosts[1].host.container
    import subprocess

    subprocess.run(["docker", "pause", container], check=True, capture_output=True)
    try:
        done = trio.deploy("--version", "five", code=1)
        status = trio.status()
    finally:
        subprocess.run(["docker", "unpause", container], check=True, capture_output=True)
    assert "edge2: " in done.stderr
    assert status[0]["health"]["ok"]
    assert "edge2" in status[1]["error"]
    assert [trio.hosts[0].leases(), trio.hosts[2].leases()] == ["", ""]
