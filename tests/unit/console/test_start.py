"""What is done before Invoke reads its configuration."""

import signal
import sys

import pytest

from edgepaas_tasks.console import start


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (("--list",), True),
        (("-l", "deploy"), True),
        (("--help", "deploy"), True),
        (("deploy", "--env", "lab", "--version", "v1"), False),
        (("deploy", "--help"), False),
        (("exec", "ls -l", "-l"), False),
        ((), False),
    ],
)
def test_only_what_prints_a_list_ends_with_its_reader(monkeypatch, tmp_path, words, ends):
    """A deploy that a signal ended when a connection was cut would leave its lease behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["inv", *words])
    before = signal.getsignal(signal.SIGPIPE)
    try:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        start.prepare()
        assert (signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL) is ends
    finally:
        signal.signal(signal.SIGPIPE, before)
