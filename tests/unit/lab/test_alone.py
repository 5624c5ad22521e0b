"""One at a time, across processes and threads."""

import multiprocessing
import os
import threading
import time

import pytest

from edgepaas_tasks.lab.alone import alone


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def hold(inside, done):
    with alone("a thing"):
        inside.set()
        done.wait(30)


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_a_second_one_waits_for_the_first(kind):
    if kind == "thread":
        inside, done = threading.Event(), threading.Event()
        other = threading.Thread(target=hold, args=(inside, done))
    else:
        fork = multiprocessing.get_context("fork")
        inside, done = fork.Event(), fork.Event()
        other = fork.Process(target=hold, args=(inside, done))
    other.start()
    assert inside.wait(30)
    passed = threading.Event()

    def second():
        with alone("a thing"):
            passed.set()

    waiting = threading.Thread(target=second)
    waiting.start()
    with alone("another/thing:1"):
        pass  # of another name: nobody is in the way
    assert not passed.wait(0.3)
    done.set()
    assert passed.wait(30)
    waiting.join()
    other.join()


def test_one_that_is_killed_is_in_nobodys_way():
    fork = multiprocessing.get_context("fork")
    inside, done = fork.Event(), fork.Event()
    other = fork.Process(target=hold, args=(inside, done))
    other.start()
    assert inside.wait(30)
    os.kill(other.pid, 9)
    other.join()
    begun = time.monotonic()
    with alone("a thing"):
        assert time.monotonic() - begun < 10


def test_a_link_in_its_place_is_not_followed(elsewhere):
    (elsewhere / f"edgepaas-lab-{os.getuid()}-a-thing.lock").symlink_to(elsewhere / "target")
    with pytest.raises(OSError, match="symbolic links"), alone("a thing"):
        pass
    assert not (elsewhere / "target").exists()
