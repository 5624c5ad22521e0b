"""One decision of several hosts."""

import threading

from edgepaas_tasks.release.vote import Ballot


def test_it_is_kept_when_every_host_is_well_and_not_before():
    asked = []
    ballot = Ballot(["a", "b"], lambda: asked.append("entry") or "LINE")
    ballot.well("a")
    ballot.well("a")
    assert not ballot.committed
    ballot.well("b")
    assert ballot.committed
    assert list(ballot.word()) == [b"commit LINE\n"]
    ballot.against("a")
    assert ballot.committed, "it is decided"
    assert asked == ["entry"]


def test_one_that_fails_decides_for_all_and_the_waiting_hear_it_at_once():
    ballot = Ballot(["a", "b"], lambda: "LINE")
    ballot.well("a")
    heard = []
    waiting = threading.Thread(target=lambda: heard.extend(ballot.word()))
    waiting.start()
    ballot.against("b")
    waiting.join(5)
    assert heard == [b"back b failed\n"]
    ballot.well("b")
    assert not ballot.committed
