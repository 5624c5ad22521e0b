"""One program for many commands, and its output told apart again."""

import os
import time

import pytest

from edgepaas_tasks.remote.batch import Batch, Frames
from edgepaas_tasks.remote.command import Command, argv, script
from edgepaas_tasks.remote.errors import CommandFailed, ConnectionLost, DeadlineExceeded
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.shell import LocalTransport


@pytest.fixture
def host():
    return Host(LocalTransport())


class Hidden:
    """Opaque bytes, as a secret is."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def reveal(self) -> bytes:
        return self._text


def test_each_command_has_its_own_output_and_code(host):
    first, second, third = host.read(
        argv("echo", "one"),
        argv("sh", "-c", "echo two; echo oops >&2; exit 3").allow(3),
        argv("true"),
    )
    assert (first.stdout, first.code) == ("one\n", 0)
    assert (second.stdout, second.stderr, second.code) == ("two\n", "oops\n", 3)
    assert (third.stdout, third.stderr, third.code) == ("", "", 0)
    assert len(host.trace) == 1


@pytest.mark.parametrize(
    "word", ["a b", "$HOME", "it's", "`id`", "a\nb", "*", "", "\\", '"', "-n", "é☃", ";exit 9"]
)
def test_a_word_arrives_as_it_is(host, word):
    (result,) = host.read(argv("printf", "%s", word))
    assert result.stdout == word


def test_a_batch_stops_at_the_first_failure(host, tmp_path):
    never = tmp_path / "never"
    with pytest.raises(CommandFailed) as caught:
        host.read(argv("sh", "-c", "echo why >&2; exit 4"), argv("touch", str(never)))
    assert caught.value.code == 4
    assert "why" in str(caught.value)
    assert not never.exists()


@pytest.mark.parametrize("size", [0, 1, 70_000, 300_000])
def test_stdin_arrives_byte_for_byte(host, size, tmp_path):
    data = os.urandom(size)
    target = tmp_path / "file"
    host.read(script("put", str(target), "600", stdin=Hidden(data)))
    assert target.read_bytes() == data
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_command_without_stdin_does_not_eat_the_next_ones(host):
    first, second = host.read(argv("cat"), argv("echo", "still here"))
    assert (first.stdout, second.stdout) == ("", "still here\n")


def test_what_is_streamed_reaches_the_last_command(host):
    data = os.urandom(1_000_000)
    chunks = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    _, counted = host.stream(chunks, argv("echo", "first"), argv("wc", "-c"))
    assert counted.text.strip() == "1000000"


def test_output_without_a_last_newline_and_with_marks_of_its_own(host):
    (result,) = host.read(argv("printf", "edgepaas-0000 0\nx"))
    assert result.stdout == "edgepaas-0000 0\nx"


def test_an_accepted_code_is_an_answer(host):
    results = host.read(argv("false").allow(1), argv("echo", "on"))
    assert [result.code for result in results] == [1, 0]


def test_a_secret_can_not_become_a_word():
    with pytest.raises(TypeError):
        argv("echo", Hidden(b"x"))


def test_a_secret_on_stdin_is_not_shown():
    command = script("put", "/x", "600", stdin=Hidden(b"hunter2-hunter2"))
    assert "hunter2" not in repr(command)
    assert "hunter2" not in str(command)


def test_no_word_of_a_batch_is_on_an_argument_list():
    batch = Batch((argv("echo", "sentinel-word"), script("put", "/x", "600", stdin=b"sentinel-in")))
    assert "sentinel" not in batch.shell_line()


def test_a_batch_is_root_when_one_of_its_commands_is():
    assert not Batch((argv("id"),)).root
    batch = Batch((argv("id"), argv("id").as_root()))
    assert batch.root
    assert "sudo -n" in batch.shell_line()


def test_a_command_that_hangs_is_ended_and_named(host):
    with pytest.raises(DeadlineExceeded, match="sleep 30 did not end within 1 s"):
        host.read(argv("sleep", "30").within(0.5), argv("true").within(0.5))


def test_a_shell_that_dies_is_a_lost_connection(host):
    with pytest.raises(ConnectionLost, match="kill"):
        host.read(argv("true"), Command(("kill",), name="kill", body="kill -9 $$"))


def test_lines_are_shown_as_they_come():
    seen = []
    frames = Frames("mark", seen.append)
    for piece in (b"one\ntw", b"o\n", b"\nmark 0\nthr", b"ee", b"\nmark 1\n"):
        frames.feed(piece)
    assert frames.done == [(b"one\ntwo\n", 0), (b"three", 1)]
    assert seen == ["one", "two", "three"]


def test_a_dry_run_reads_and_does_not_change(tmp_path):
    told = []
    host = Host(LocalTransport(), dry_run=True, observe=lambda name, line: told.append(line))
    (result,) = host.read(argv("echo", "real"))
    assert result.text == "real"
    assert host.change(argv("touch", str(tmp_path / "x"))) == ()
    assert not (tmp_path / "x").exists()
    assert told == [f"would run: touch {tmp_path / 'x'}"]


def test_a_command_that_speaks_for_hours_is_heard_to_its_last_line_and_not_kept():
    heard = []
    frames = Frames("mark", heard.append)
    line = b"x" * 99 + b"\n"
    for _ in range(100):
        frames.feed(line * 100)
    assert len(frames.rest) < 3 * 2**16
    frames.feed(b"last")
    frames.feed(b"\nmark 7\n")
    assert (len(heard), heard[-1]) == (10_001, "last")
    ((kept, code),) = frames.done
    assert (kept[-4:], code) == (b"last", 7)


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("sudo: a password is required", CommandFailed, "may not use sudo without a password"),
        # Only a warning, as of a host that goes down and has no name server any more.
        (
            "sudo: unable to resolve host web1: Temporary failure",
            ConnectionLost,
            "ended during: it",
        ),
    ],
)
def test_sudo_that_warns_has_not_refused(host, said, kind, told):
    dying = argv("sh", "-c", 'echo "$1" >&2; kill -KILL $PPID', "sh", said).called("it")
    with pytest.raises(kind, match=told) as caught:
        host.read(dying)
    assert said in str(caught.value)


def test_an_answer_without_end_is_not_taken_and_costs_little():
    frames = Frames("mark", most=2**20)
    begun = time.process_time()
    for _ in range(1000):
        frames.feed(b"x" * 65536)
        if frames.flooded:
            break
    assert frames.flooded
    assert len(frames.rest) <= 2**20 + 65536
    assert time.process_time() - begun < 1


def test_a_line_without_end_on_a_stream_that_is_heard_is_not_taken():
    heard = []
    frames = Frames("mark", heard.append, most=2**20)
    for _ in range(100):
        frames.feed(b"a line\n" * 1000)
    assert not frames.flooded
    assert len(heard) == 100_000
    for _ in range(40):
        frames.feed(b"x" * 65536)
    assert frames.flooded


def test_a_large_answer_is_told_apart_in_time_that_grows_with_it():
    """Each part was once searched from the beginning: 60 MB took minutes."""

    def took(size):
        frames = Frames("mark", most=2**28)
        begun = time.process_time()
        for _ in range(size):
            frames.feed(b"x" * 16384)
        frames.feed(b"\nmark 0\n")
        assert [len(output) for output, _ in frames.done] == [size * 16384]
        return time.process_time() - begun

    took(100)
    assert took(2000) < 60 * max(took(200), 0.005)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_mark_that_comes_in_pieces_is_found(size):
    text = b"one\n\nmark 0\ntwo\n\nmark 3\nrest"
    frames = Frames("mark")
    for at in range(0, len(text), size):
        frames.feed(text[at : at + size])
    assert frames.done == [(b"one\n", 0), (b"two\n", 3)]
    assert frames.rest == b"rest"
