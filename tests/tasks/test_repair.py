"""Hosts that were left apart: put on what was decided for all of them, by the next run, as far as that can be known."""

import json
import re

import pytest

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.fleet import journal, setup, status
from edgepaas_tasks.fleet.journal import Journal
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.release import ancestry, flip, rollback
from edgepaas_tasks.release import repair as recovery
from edgepaas_tasks.remote.batch import Fence
from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import slots
from edgepaas_tasks.remote.service.releases import FAILED, GOOD, Entry, Release, decided
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.report import journal as report
from tests.tasks.conftest import FACTS, Answering, packed


def entry(number, result=GOOD, action="deploy", at=None):
    return Entry(number, f"v{number}", f"sha256:{number}", action, result, at or number)


def release(number, commit=""):
    image = f"sha256:{number}"
    return Release(number, f"v{number}", image, f"shop:v{number}", (), "same", commit)


class Kept(Answering):
    """A host with a journal, kept releases, and containers that run."""

    def __init__(self, name, live, history, *, runs=(), spec="", commits=None, **more):
        super().__init__(name, live=live, **more)
        self.history = list(history)
        self.numbers = sorted({one.release for one in history})
        self.runs = dict(runs)
        self.spec = spec
        self.commits = commits or {}
        self.ports = {"blue": "8081", "green": "8082"}
        self.facts = FACTS

    def answer(self, name):
        if move := re.fullmatch(r"flip to (\w+), release (\d+)", name):
            self.live = f"slots/{move[1]}/{move[2]}"
        if name.startswith("record release"):
            self.history.append(entry(int(re.search(r"\d+", name)[0])))
        kept = [json.loads(release(n, self.commits.get(n, "")).text()) for n in self.numbers]
        containers = [
            {
                "Name": f"/shop-test-{slot}",
                "Image": f"sha256:{number}",
                "State": {"Status": "running", "StartedAt": ""},
                "HostConfig": {"PortBindings": {"8000/tcp": [{"HostPort": self.ports[slot]}]}},
                "Config": {
                    "Labels": {
                        "edgepaas.service": "shop-test",
                        "edgepaas.slot": slot,
                        "edgepaas.release": str(number),
                        "edgepaas.spec": self.spec,
                    }
                },
            }
            for slot, number in self.runs.items()
        ]
        return {
            "look at the host": self.facts,
            "read /etc/docker/daemon.json": "{}",
            "read the flag": self.live,
            "list the containers": json.dumps(containers),
            "read the journal": "\n".join(one.line() for one in self.history),
            "read the releases": "\n".join(json.dumps(one) for one in kept),
            "list the images": packed("".join(f"sha256:{n}\n\n" for n in self.numbers)),
        }.get(name)


ONE_TO_FIVE = [entry(4), entry(5)]


def settle(service, *transports):
    hosts = [Host(one) for one in transports]
    states = on_each(hosts, lambda host: status.look(service, host))
    for one in transports:
        one.said.clear()
    with Progress("test") as progress:
        return recovery.settle(service, hosts, progress, Fence("lease", "token", 60), states)


def test_hosts_that_agree_are_left_alone(service):
    found = settle(service, *(Kept(name, "slots/blue/5", ONE_TO_FIVE) for name in ("web1", "web2")))
    assert found.rollout is None


def test_a_host_that_missed_the_decision_is_moved_to_it(service):
    """web1 has it on record, so every host had baked it."""
    first = Kept("web1", "slots/blue/5", ONE_TO_FIVE)
    second = Kept("web2", "slots/green/4", [entry(4)])
    second.numbers = [4, 5]
    found = settle(service, first, second)
    assert first.said == []
    wanted = ["start release 5 in blue", "flip to blue, release 5", "drain and stop green"]
    assert [name for name in second.said if name in wanted] == wanted
    assert found.states["web2"].live == Live("blue", 5)
    assert not found.undone


def test_a_release_that_nobody_decided_on_is_left_by_all(service):
    """A host that died in the bake comes back with the flag where it was."""
    first = Kept("web1", "slots/green/4", [entry(4)])
    second = Kept("web2", "slots/blue/5", [entry(4)])
    found = settle(service, first, second)
    assert first.said == []
    assert second.live == "slots/green/4"
    assert found.undone


def test_what_still_runs_is_only_flipped_to(service):
    spec = slots.wanted(service.spec, release(4), service.port("green"))
    host = Kept("web1", "slots/blue/5", [entry(4)], runs={"green": 4}, spec=spec)
    settle(service, host)
    assert host.said[0] == "flip to green, release 4"


def test_a_host_that_has_it_but_not_on_record_only_gets_the_record(service):
    first = Kept("web1", "slots/blue/5", ONE_TO_FIVE)
    second = Kept("web2", "slots/blue/5", [entry(4)])
    second.numbers = [4, 5]
    settle(service, first, second)
    assert second.said[0] == "record release 5: good"
    assert not [name for name in second.said if name.startswith("flip")]


def test_a_host_that_is_new_and_has_nothing_kept_is_no_reason_to_do_anything(service):
    found = settle(
        service, Kept("web1", "slots/blue/5", ONE_TO_FIVE), Kept("web2", "slots/none/0", [])
    )
    assert found.rollout is None


def test_what_can_not_be_repaired_does_not_keep_a_new_release_away(service, capsys):
    hosts = [
        Host(Kept("web1", "slots/blue/5", [entry(4)], fails={"start release": 20})),
    ]
    states = on_each(hosts, lambda host: status.look(service, host))
    fence = Fence("lease", "token", 60)
    with Progress("test") as progress:
        assert recovery.attempt(service, hosts, progress, fence, states).states == states
        with pytest.raises(RemoteError):
            recovery.settle(service, hosts, progress, fence, states)
    assert "not repaired" in capsys.readouterr().err


def go_back(service, *transports, to=None):
    hosts = [Host(one) for one in transports]
    with Progress("test") as progress:
        return rollback.rollback(service, hosts, progress, rollback.Back(to), 0), hosts


def test_a_rollback_from_what_nobody_decided_on_goes_one_release_back_and_not_two(service):
    host = Kept("web1", "slots/green/6", [entry(4), entry(5)])
    done, _ = go_back(service, host)
    assert (done.release.number, done.action) == (5, "repair")
    assert host.live == "slots/blue/5"


def test_a_rollback_to_what_the_repair_came_to_is_done_with_it(service):
    done, (used,) = go_back(service, Kept("web1", "slots/green/6", [entry(4), entry(5)]), to=5)
    assert (done.release.number, done.action) == (5, "repair")


def test_a_rollback_to_a_given_release_is_not_kept_away_by_what_can_not_be_repaired(service):
    fails = {"start release 5": 20}
    host = Kept("web1", "slots/green/6", [entry(4), entry(5)], fails=fails)
    done, _ = go_back(service, host, to=4)
    assert done.release.number == 4
    assert host.live == "slots/blue/4"


def test_a_rollback_to_what_still_runs_is_three_round_trips(service):
    spec = slots.wanted(service.spec, release(4), service.port("green"))
    host = Kept("web1", "slots/blue/5", ONE_TO_FIVE, runs={"green": 4}, spec=spec)
    done, (used,) = go_back(service, host)
    assert done.release.number == 4
    assert [one.phase for one in used.trace] == ["look", "flip", "finish"]


@pytest.mark.parametrize("port", [8082, 9002])
def test_a_rollback_to_what_ran_with_other_settings_starts_it_anew(service, port):
    spec = slots.wanted(service.spec, release(4 if port != 8082 else 9), port)
    host = Kept("web1", "slots/blue/5", ONE_TO_FIVE, runs={"green": 4}, spec=spec)
    _, (used,) = go_back(service, host)
    assert [one.phase for one in used.trace] == ["look", "stage", "flip", "finish"]


def test_a_slot_whose_container_has_another_port_is_not_flipped_to(service):
    host = Kept("web1", "slots/blue/5", ONE_TO_FIVE, runs={"green": 4})
    host.ports["green"] = "9002"
    with Progress("test") as progress, pytest.raises(Refused, match="runs on port 9002") as caught:
        flip.flip(service, [Host(host)], progress, "", 0)
    assert "inv rollback" in str(caught.value)
    assert not [name for name in host.said if name.startswith("flip")]


def test_setup_changes_nothing_where_nginx_would_ask_the_live_slot_on_another_port(service):
    host = Kept("web1", "slots/blue/5", ONE_TO_FIVE, runs={"blue": 5})
    host.facts += "arch=x86_64\n"
    host.ports["blue"] = "9001"
    with Progress("test") as progress, pytest.raises(RemoteError, match="blue is live on 9001"):
        setup.setup(service, [Host(host)], progress)
    assert "configure nginx" not in host.said
    assert "make the directories" not in host.said
    host.ports["blue"] = "8081"
    with Progress("test") as progress:
        setup.setup(service, [Host(host)], progress)
    assert "configure nginx" in host.said


@pytest.mark.parametrize(
    ("histories", "wanted"),
    [
        ([[], []], None),
        ([[entry(4)], []], 4),
        ([[entry(4), entry(5)], [entry(4)]], 5),
        ([[entry(4), entry(5), entry(6, FAILED)], [entry(4), entry(5)]], 5),
        # A rollback that the second host missed: the number is smaller, the decision newer.
        ([[entry(4), entry(5), entry(4, action="rollback", at=9)], [entry(4), entry(5)]], 4),
        # The clocks of two controllers differ; the journal that knows both decisions is right.
        ([[entry(4, at=50), entry(5, at=20)], [entry(4, at=50)]], 5),
    ],
)
def test_the_newest_decision_that_any_host_knows(histories, wanted):
    for order in (histories, histories[::-1]):
        found = decided(order)
        assert (found.release if found else None) == wanted


def test_the_journals_of_hosts_that_are_alike_are_told_together(service):
    hosts = [Host(Kept(name, "slots/blue/5", ONE_TO_FIVE)) for name in ("web1", "web2")]
    told = report.journals(service, journal.read(service, hosts)).splitlines()
    assert told[0] == "web1, web2:"
    assert [line.split()[0] for line in told[1:]] == ["kept", "live"]


def test_an_entry_is_marked_by_what_became_of_its_release():
    entries = (entry(3), entry(4), entry(5), entry(6, FAILED), entry(4, action="rollback"))
    one = Journal("web1", entries, Live("blue", 4), frozenset({4, 5}))
    assert [one.mark(index) for index in range(5)] == ["", "", "kept", "", "live"]


def judged(service, progress, live, new, *, allow_older=False):
    host = Host(Kept("web1", "slots/blue/5", ONE_TO_FIVE, commits={5: live}))
    states = {"web1": status.look(service, host)}
    ancestry.require(service, Version("v", new), states, progress, allow_older=allow_older)


@pytest.fixture
def commits(tmp_path, monkeypatch):
    """Three commits, one after the other, and one beside the last."""
    import subprocess

    monkeypatch.chdir(tmp_path)

    def git(*words):
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(text):
        git("commit", "-q", "--allow-empty", "-m", text)
        return git("rev-parse", "HEAD")

    git("init", "-q")
    line = [commit(text) for text in ("one", "two", "three")]
    git("checkout", "-q", line[1])
    return [*line, commit("beside")]


def test_an_older_commit_than_the_live_one_is_refused_unless_allowed(
    service, commits, capsys, monkeypatch
):
    one, two, three, beside = commits
    with Progress("test") as progress:
        with pytest.raises(Refused, match="--allow-older"):
            judged(service, progress, live=three, new=one)
        judged(service, progress, live=three, new=one, allow_older=True)
        judged(service, progress, live=one, new=three)
        judged(service, progress, live=three, new=three)
        judged(service, progress, live=three, new=beside)
        judged(service, progress, live="", new=one)
        judged(service, progress, live="", new="")
        assert "older" not in capsys.readouterr().err
        judged(service, progress, live=three, new="")
        assert "v has no commit" in capsys.readouterr().err
        judged(service, progress, live="f" * 40, new=one)
        assert "git cannot tell" in capsys.readouterr().err
        monkeypatch.setenv("PATH", "")  # an image needs no git here to be deployed
        judged(service, progress, live=three, new=one)
        assert "git cannot tell" in capsys.readouterr().err
