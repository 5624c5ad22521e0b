"""Signals: the first one unwinds, what is shielded is brought to its end, and the exit code stays."""

import signal
import subprocess
import sys

PROGRAM = """
import os, signal, sys
from edgepaas_tasks.console.signals import signals_raise, uninterruptible

def hit(number):
    os.kill(os.getpid(), number)

try:
    with signals_raise():
        try:
            {body}
        finally:
            with uninterruptible():
                hit(signal.SIGTERM)
                hit(signal.SIGINT)
                print("given back")
except KeyboardInterrupt:
    hit(signal.SIGTERM)
    hit(signal.SIGINT)
    print("interrupted")
    sys.exit(130)
print("done")
"""


def run(body):
    words = [sys.executable, "-c", PROGRAM.format(body=body)]
    return subprocess.run(words, capture_output=True, text=True, timeout=30)


def test_a_second_signal_does_not_cut_short_what_is_put_in_order():
    for number in ("SIGINT", "SIGTERM"):
        done = run(f"hit(signal.{number}); print('never')")
        assert done.stdout.split("\n")[:-1] == ["given back", "interrupted"], done.stderr
        assert done.returncode == 130


def test_a_signal_that_came_while_all_was_put_in_order_changes_no_result():
    done = run("pass")
    assert (done.stdout.split("\n")[:-1], done.returncode) == (["given back", "done"], 0)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
