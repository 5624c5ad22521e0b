"""Lines whose reader may be gone."""

import os
import signal
import sys

import pytest

from edgepaas_tasks.console import output
from edgepaas_tasks.console.signals import signals_raise


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        yield reader, stream


def test_a_line_is_there_at_once(pipe):
    reader, stream = pipe
    assert output.put("hello", stream)
    assert os.read(reader, 100) == b"hello\n"
    os.close(reader)


def test_without_a_reader_work_goes_on_and_what_follows_goes_nowhere(pipe):
    reader, stream = pipe
    os.close(reader)
    assert not output.put("first", stream)
    assert output.put("second", stream)
    stream.flush()


@pytest.fixture
def handlers():
    """After an interrupt a process ends, and listens to no other; this one goes on."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_is_followed_ends_with_its_reader(pipe, handlers):
    reader, stream = pipe
    os.close(reader)
    with pytest.raises(KeyboardInterrupt), signals_raise():
        output.follow("first", stream)


def test_stdout_is_the_usual_stream(capsys):
    output.put("hello")
    output.put("there", sys.stderr)
    assert capsys.readouterr() == ("hello\n", "there\n")
