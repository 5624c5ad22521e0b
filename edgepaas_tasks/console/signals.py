"""Signals that end a command. What has to be put in order at its end is not cut short by a second one.

A cancelled run of GitHub Actions gets SIGINT, SIGTERM 7.5 s later, and SIGKILL 2.5 s after that.
https://docs.github.com/actions/reference/workflow-cancellation-reference
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_shields = 0


@contextmanager
def signals_raise() -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt inside, but for what is shielded.

    After one the process is on its way out with its own exit code, and a second signal does not change that.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, _interrupt) for number in numbers]
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, signal.SIG_IGN if interrupted else handler)


@contextmanager
def uninterruptible() -> Iterator[None]:
    """What is done inside is brought to its end; it must be short, and have deadlines of its own."""
    global _shields
    _shields += 1
    try:
        yield
    finally:
        _shields -= 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _shields:
        raise KeyboardInterrupt
