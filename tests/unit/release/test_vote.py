"""One decision of several hosts."""

import threading

from edgepaas_tasks.release.vote import Vote


def test_it_is_kept_when_every_host_is_well_and_not_before():
    asked = []
    vote = Vote(["a", "b"], lambda: asked.append("entry") or "LINE")
    vote.ready("a")
    vote.ready("a")
    assert not vote.committed
    vote.ready("b")
    assert vote.committed
    assert list(vote.decision()) == [b"commit LINE\n"]
    vote.failed("a")
    assert vote.committed, "it is decided"
    assert asked == ["entry"]


def test_one_that_fails_decides_for_all_and_the_waiting_hear_it_at_once():
    vote = Vote(["a", "b"], lambda: "LINE")
    vote.ready("a")
    heard = []
    waiting = threading.Thread(target=lambda: heard.extend(vote.decision()))
    waiting.start()
    vote.failed("b")
    waiting.join(5)
    assert heard == [b"back b failed\n"]
    vote.ready("b")
    assert not vote.committed
