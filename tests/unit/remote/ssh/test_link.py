"""When a connection is opened, kept and opened again, and which sessions are begun on it."""

import threading
from pathlib import Path

import pytest

from edgepaas_tasks.remote.errors import Unreachable
from edgepaas_tasks.remote.ssh import link as links
from edgepaas_tasks.remote.ssh.link import Link
from edgepaas_tasks.remote.target import Target


class Channel:
    def __init__(self):
        self.line = ""
        self.closed = False

    def exec_command(self, line):
        self.line = line

    def close(self):
        self.closed = True


class Connection:
    """What Fabric gives us, as far as a link looks; `dead` for one whose host has gone."""

    def __init__(self, sessions=10):
        self.transport = self
        self.sock = self.gateway = None
        self.dead = False
        self.closed = False
        self.sessions = sessions
        self.channels = []

    def is_active(self):
        return not self.closed

    def open_session(self, timeout):
        if self.dead:
            raise EOFError
        if sum(not channel.closed for channel in self.channels) >= self.sessions:
            raise OSError("administratively prohibited")
        self.channels.append(Channel())
        return self.channels[-1]

    def close(self):
        self.closed = True


@pytest.fixture
def opened(monkeypatch):
    """Every connection that was opened, and the link that opens them."""
    made = []

    def connect(target):
        made.append(Connection())
        return made[-1]

    monkeypatch.setattr(links, "connect", connect)
    return made, Link(Target("web1", "192.0.2.1"))


def test_a_connection_is_opened_once_and_kept_for_the_next_task(opened):
    made, link = opened
    link.open()
    link.open()
    link.rest()
    link.open()
    assert len(made) == 1


def test_one_that_was_begun_is_waited_for(opened, monkeypatch):
    made, link = opened
    gate = threading.Event()
    connect = links.connect

    def slow(target):
        gate.wait(5)
        return connect(target)

    monkeypatch.setattr(links, "connect", slow)
    link.begin()
    assert not made
    gate.set()
    link.open()
    assert len(made) == 1


def test_what_kept_us_out_in_the_background_is_told_where_it_is_needed(opened, monkeypatch):
    _, link = opened
    tries = []

    def refuse(target):
        tries.append(target)
        raise Unreachable(target.name, "no answer")

    monkeypatch.setattr(links, "connect", refuse)
    link.begin()
    with pytest.raises(Unreachable, match="no answer"):
        link.open()
    assert len(tries) == 1, "not waited for twice"


def test_a_prepared_session_serves_one_batch(opened):
    (made, link) = opened
    link.open()
    link.prepare("exec sh", 5)
    prepared = link.session("exec sh", 5)
    assert made[0].channels == [prepared]
    assert link.session("exec sh", 5) is not prepared


@pytest.mark.parametrize("why", ["another line", "it has ended"])
def test_a_prepared_session_that_does_not_fit_is_closed(opened, why):
    (made, link) = opened
    link.open()
    link.prepare("exec sh", 5)
    link._spare[1].result(5)
    if why == "it has ended":
        made[0].channels[0].close()
    channel = link.session("exec sudo sh" if why == "another line" else "exec sh", 5)
    assert channel is made[0].channels[1]
    assert made[0].channels[0].closed


def test_a_server_with_room_for_one_session_is_enough(opened):
    (made, link) = opened
    link.open()
    made[0].sessions = 1
    first = link.session("exec sh", 5)
    link.prepare("exec sh", 5)
    assert link._spare[1].exception(5)
    first.close()
    assert link.session("exec sh", 5).line == "exec sh"


def test_what_waits_on_the_host_ends_with_the_task(opened):
    (made, link) = opened
    link.open()
    link.prepare("exec sh", 5)
    link._spare[1].result(5)
    link.rest()
    assert made[0].channels[0].closed


def test_a_host_that_went_away_between_two_tasks_is_connected_again(opened):
    (made, link) = opened
    link.open()
    link.rest()
    made[0].dead = True
    assert link.session("exec sh", 5).line == "exec sh"
    assert len(made) == 2
    assert made[0].closed


def test_a_host_that_goes_away_within_a_task_is_not(opened):
    (made, link) = opened
    link.open()
    made[0].dead = True
    with pytest.raises(EOFError):
        link.session("exec sh", 5)
    assert len(made) == 1


def test_the_same_host_has_one_link_in_a_process():
    target = Target("web1", "192.0.2.1", key=Path("/k"))
    assert links.link(target) is links.link(Target("web1", "192.0.2.1", key=Path("/k")))
    assert links.link(target) is not links.link(Target("web2", "192.0.2.1", key=Path("/k")))
