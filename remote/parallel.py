"""The same work on several hosts at once, one thread a host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from .errors import HostErrors
from .host import Host

Answer = TypeVar("Answer")

# This many at once: each is a thread and a TCP connection of this machine.
WIDTH = 32
ENDING = 3.0  # seconds that interrupted work has to notice that it is


def on_each(hosts: Sequence[Host], work: Callable[[Host], Answer]) -> dict[str, Answer]:
    """The answer of `work` for every host, by name.

    All hosts finish before it returns, so that one host's failure leaves no other in an unknown state. One failure is
    raised as it is, several as HostErrors. The work has deadlines of its own: every batch has one.
    """
    answers, errors = attempt(hosts, work)
    raise_any(errors)
    return answers


def raise_any(errors: Mapping[str, Exception]) -> None:
    """One failure as it is, several as HostErrors."""
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        raise HostErrors(dict(errors))


def attempt(
    hosts: Sequence[Host], work: Callable[[Host], Answer], *, width: int = WIDTH
) -> tuple[dict[str, Answer], Mapping[str, Exception]]:
    """Like `on_each`, but failures are returned beside the answers.

    At most `width` hosts at once. Work in which hosts wait for each other needs a place for every one of them.
    """
    answers: dict[str, Answer] = {}
    errors: dict[str, Exception] = {}
    if len(hosts) == 1:
        # No thread for the common case: an interrupt then arrives where the work is.
        try:
            answers[hosts[0].name] = work(hosts[0])
        except Exception as error:
            errors[hosts[0].name] = error
        return answers, errors
    gate = threading.BoundedSemaphore(width)

    def one(host: Host) -> None:
        with gate:
            try:
                answers[host.name] = work(host)
            except Exception as error:
                errors[host.name] = error

    threads = [threading.Thread(target=one, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # a join without time-out would not hear an interrupt
    except BaseException:
        for host in hosts:
            host.interrupt()
        end = time.monotonic() + ENDING
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        raise
    order = [host.name for host in hosts]
    return {name: answers[name] for name in order if name in answers}, errors
