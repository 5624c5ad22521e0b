"""The order of a deploy, against hosts that only answer: what comes before what, and what never comes."""

import json
import re
import threading

import pytest

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.env.values.schema import Schema
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping import prebuilt as foreign
from edgepaas_tasks.release import deploy as deploys
from edgepaas_tasks.release.gates import Unfinished
from edgepaas_tasks.release.request import Request
from edgepaas_tasks.remote.batch import Frames
from edgepaas_tasks.remote.errors import ConnectionLost, DeadlineExceeded, RemoteError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import WIDTH
from edgepaas_tasks.remote.service.slots import LIVE
from edgepaas_tasks.remote.transport import Streams
from edgepaas_tasks.report import ci_summary as summary
from tests.tasks.conftest import Answering


@pytest.fixture
def run(service, monkeypatch, tmp_path, one_layer):
    """A deploy of an image that every host lacks, to transports of the test's choice."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    built = Image("shop:v1", "sha256:1", 1000, ("sha256:a",), store="overlay2")
    monkeypatch.setattr(image, "require_engine", lambda: None)
    monkeypatch.setattr(image, "find", lambda reference: built)
    monkeypatch.setattr(image, "look", lambda reference: built)

    def run(*transports, version="v1", planned=None):
        hosts = [Host(transport) for transport in transports]
        with Progress("test") as progress:
            request = Request(version=version, image="shop:v1", planned=planned)
            return deploys.deploy(service, hosts, progress, request, 0), hosts

    return run


def test_a_deploy_goes_through_its_phases_in_order(run):
    host = Answering("web1", live="slots/blue/4")
    outcome, (used,) = run(host)
    order = [
        "take the lease",
        "load the image",
        "configure nginx",
        "write the environment",
        "start release 5 in green",
        "flip to green, release 5",
        "drain and stop blue",
        "give the lease back",
    ]
    assert [name for name in host.said if name in order] == order
    assert outcome.slots == {"web1": "green"}
    each = [(one.phase, one.commands[0]) for one in used.trace]
    assert each == [
        ("look", "take the lease"),
        ("ship", "load the image"),
        ("stage", "configure nginx"),
        ("flip", "flip to green, release 5"),
        ("finish", "drain and stop blue"),
    ], "stage and start are one round trip"
    phases = ["resolve", "look", "build", "ship", "stage", "start", "flip", "finish"]
    assert [name for name, _ in outcome.phases] == phases
    assert json.loads(host.heard.removeprefix("commit "))["result"] == "good"


def test_an_image_whose_name_moved_meanwhile_is_not_deployed(run, monkeypatch):
    said = [{"org.opencontainers.image.version": one} for one in ("1", "2")]
    monkeypatch.setattr(foreign, "_inspect", lambda _: {"Config": {"Labels": said.pop(0)}})
    host = Answering("web1")
    with pytest.raises(Refused, match="shop:v1 names another image meanwhile, not 1 any more"):
        run(host, version="")
    assert not [name for name in host.said if "load" in name or "start" in name]
    assert host.said[-1] == "give the lease back"


def test_the_plan_is_told_under_the_lease_before_anything_is_done(run, service):
    class Live(Answering):
        def answer(self, name):
            if name == "read the release's environment":
                return canonical.render({"OLD": "x", "FINAL_DB_MODE": "try_postgres"}, Schema(()))
            return super().answer(name)

    host, told = Live("web1", live="slots/blue/4"), []

    def planned(plan):
        told.append(host.said[-1])
        told.append(summary.intended(service, plan))

    run(host, planned=planned)
    last, page = told
    assert last == "read the release's environment"
    assert host.said.index(last) < host.said.index("load the image")
    assert page.startswith("### shop in test: plan\n\nversion v1 as release 5, image shop:v1\n")
    (row,) = [line for line in page.splitlines() if line.startswith("| web1 ")]
    assert row.startswith("| web1 | release 4 in blue | release 5 in green | ")
    for change in ("removed: OLD", "changed: FINAL_DB_MODE", "added: DATABASE_URL"):
        assert change in row
    assert "try_postgres" not in page

    first = Live("web1")
    told.clear()
    run(first, planned=lambda plan: told.append(summary.intended(service, plan)))
    assert "| web1 | nothing | release 1 in green | added: DATABASE_URL, " in told[0]

    edited = Answering("web1", live="slots/blue/4")
    told.clear()
    run(edited, planned=lambda plan: told.append(summary.intended(service, plan)))
    assert "| release 5 in green | not known |" in told[0]


def test_the_lease_is_taken_before_anything_else_is_looked_at(run):
    host = Answering("web1")
    run(host)
    assert host.said[0] == "take the lease"


@pytest.mark.parametrize(
    ("fails", "never"),
    [
        ("load the image", "configure nginx|start|flip"),
        ("configure nginx", "start|flip|write"),
        ("start release", "flip|drain"),
        ("flip to", "drain"),
    ],
)
def test_a_phase_that_fails_ends_the_deploy_and_gives_the_lease_back(run, fails, never):
    host = Answering("web1", {fails: 1}, live="slots/blue/4")
    with pytest.raises(RemoteError, match="web1"):
        run(host)
    assert not [name for name in host.said if re.match(never, name) and not re.match(fails, name)]
    assert host.said[-1] == "give the lease back"
    assert "record release 5: failed" in host.said


def test_a_release_that_is_live_is_not_told_as_failed_when_its_end_is(run):
    host = Answering("web1", {"drain and stop": 1}, live="slots/blue/4")
    with pytest.raises(Unfinished, match=r"^release 5 \(v1\) is live and on record") as raised:
        run(host)
    assert "\nweb1: drain and stop blue failed (exit 1)\n" in str(raised.value)
    assert "record release 5: failed" not in host.said
    assert host.said[-1] == "give the lease back"


def test_a_slot_that_turns_out_to_be_live_is_left_alone(run):
    host = Answering("web1", {"start release": LIVE}, live="slots/blue/4")
    with pytest.raises(RemoteError, match="was not started in green") as caught:
        run(host)
    assert not [name for name in host.said if name.startswith("diagnose")]
    assert "inv status" in caught.value.next_step


def test_no_host_flips_while_another_is_not_healthy(run):
    good, bad = Answering("web1"), Answering("web2", {"start release": 20})
    with pytest.raises(RemoteError, match="web2"):
        run(good, bad)
    assert not [name for host in (good, bad) for name in host.said if name.startswith("flip")]


def test_a_host_that_fails_behind_nginx_takes_the_others_back(run):
    good = Answering("web1", live="slots/blue/4")
    bad = Answering("web2", {"flip to": 31}, live="slots/blue/4")
    with pytest.raises(RemoteError, match="web2") as raised:
        run(good, bad)
    assert good.heard == "back web2 failed\n"
    assert "flipped back too: web1" in str(raised.value)
    assert not [name for name in good.said if name.startswith("drain")]


def test_a_connection_that_ends_during_the_flip_is_not_told_as_a_flip_back(run):
    """Nobody here knows which way the host went; what it says must not sound as if we did."""

    class Lost(Answering):
        def execute(self, batch, chunks, on_line):
            if "flip to" in str(batch.commands[0]):
                self.said.append("lost")
                return Streams(Frames(batch.marker), Frames(batch.marker), ended=True)
            return super().execute(batch, chunks, on_line)

    host = Lost("web1", live="slots/blue/4")
    with pytest.raises(ConnectionLost, match="the connection ended during: flip to") as caught:
        run(host)
    assert "was flipped back" not in str(caught.value)
    assert "inv status" in caught.value.next_step


def test_more_hosts_than_are_worked_on_at_once_wait_for_each_other(run):
    """For the lease of the first by name, which stands last here, and for the decision of all."""
    hosts = [Answering(f"web{number:03}") for number in reversed(range(WIDTH + 8))]
    done = []
    # Not waited for without end: where they cannot all be heard, nobody is.
    work = threading.Thread(target=lambda: done.append(run(*hosts)), daemon=True)
    work.start()
    work.join(30)
    assert done, [host.said[-1:] for host in hosts]
    assert all(host.heard.startswith("commit") for host in hosts)


class Hanging(Answering):
    """Its flip has moved the flag, does not end, and holds the lock of all changing programs."""

    late = False

    def execute(self, batch, chunks, on_line):
        if "flip to" in str(batch.commands[0]):
            self.late = True
            streams = Streams(Frames(batch.marker), Frames(batch.marker))
            streams.late = True
            return streams
        if self.late and batch.fence is not None:
            streams = Streams(Frames(batch.marker), Frames(batch.marker), ended=True)
            streams.out.feed(f"\n{batch.marker} 75\n".encode())
            said = "another changing program still runs on this host"
            streams.err.feed(f"{said}\n{batch.marker} 75\n".encode())
            return streams
        return super().execute(batch, chunks, on_line)

    def answer(self, name):
        return "moved" if name.startswith("flip back") else super().answer(name)


def test_a_flip_that_hangs_is_put_back(run):
    host = Hanging("web1", live="slots/blue/4")
    with pytest.raises(DeadlineExceeded, match="the release before serves again") as caught:
        run(host)
    assert "flip back to slots/blue/4" in host.said
    assert "flipped back too: web1" in str(caught.value)


def test_a_lease_that_another_one_has_is_left_alone(run):
    host = Answering("web1", {"take the lease": 76})
    with pytest.raises(RemoteError, match="another deploy is under way"):
        run(host)
    assert not [name for name in host.said if "load" in name or "start" in name]


def test_a_lease_whose_taking_was_interrupted_is_given_back(run):
    """The script may have taken it, though its answer never came."""

    class Interrupted(Answering):
        def execute(self, batch, chunks, on_line):
            if not self.said:
                self.said.append("interrupted")
                raise KeyboardInterrupt
            return super().execute(batch, chunks, on_line)

    host = Interrupted("web1")
    with pytest.raises(KeyboardInterrupt):
        run(host)
    assert host.said == ["interrupted", "give the lease back"]
