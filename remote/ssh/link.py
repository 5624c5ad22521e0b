"""The one connection to a host: opened early, kept warm, with a shell that waits ahead of its program."""

from __future__ import annotations

import atexit
import threading
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from typing import Any

from ..background import in_background
from ..target import Target
from .connection import connect, disconnect
from .forward import reverse

_links: dict[Target, Link] = {}
_guard = threading.Lock()


def link(target: Target) -> Link:
    """This process's link to the host: tasks that follow each other in one call share it."""
    with _guard:
        if not _links:
            atexit.register(_close_all)
        return _links.setdefault(target, Link(target))


class Link:
    """Used by one thread at a time, but for `begin`, which others may overlap with."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._lock = threading.Lock()
        self._connection: Any = None
        self._rested = False  # it was there before the present task, and may have died since
        self._opening: Future[Any] | None = None
        self._spare: tuple[str, Future[Any]] | None = None

    def begin(self) -> None:
        """Connect in the background: `open` then waits for it, and raises what it met."""
        with self._lock:
            if not self._alive() and self._opening is None:
                self._opening = in_background(lambda: connect(self.target))

    def open(self) -> None:
        """Connect; nothing when it is. Raises Unreachable, HostKeyUnknown or HostKeyChanged."""
        with self._lock:
            if self._alive():
                return
            self._drop()
            self._rested = False
            opening, self._opening = self._opening, None
            self._connection = opening.result() if opening else connect(self.target)

    def session(self, line: str, seconds: float) -> Any:
        """A channel whose other end runs `line`: the prepared one if there is one. Raises what paramiko does."""
        spare, self._spare = self._spare, None
        if spare is not None:
            prepared, future = spare
            with suppress(Exception):
                channel = future.result(seconds)
                if prepared == line and not channel.closed:
                    return channel
                channel.close()
        rested, self._rested = self._rested, False
        try:
            return self._start(line, seconds)
        except Exception:
            if not rested:
                raise
        # The host was restarted between two tasks, say. Nothing was sent yet.
        with self._lock:
            self._drop()
        self.open()
        return self._start(line, seconds)

    def prepare(self, line: str, seconds: float) -> None:
        """Begin a session for the next batch while this one runs: it then costs one round trip instead of three.

        Where sshd admits no second session (MaxSessions 1) nothing is lost: `session` begins one as ever.
        """
        if self._spare is None:
            self._spare = (line, in_background(lambda: self._start(line, seconds)))

    def forward(self, port: int) -> AbstractContextManager[int]:
        """A port of the host that leads to `port` of this machine; call `open` first. Raises ForwardRefused."""
        return reverse(self._connection.transport, port)

    def rest(self) -> None:
        """Done for now: what waits on the host ends, the connection stays for the next task of this process."""
        self._discard()
        self._rested = True

    def close(self) -> None:
        with self._lock:
            self._discard()
            self._drop()

    def _alive(self) -> bool:
        return self._connection is not None and self._connection.transport.is_active()

    def _start(self, line: str, seconds: float) -> Any:
        channel = self._connection.transport.open_session(timeout=self.target.connect_timeout)
        # paramiko waits for the answer to an exec request for ever.
        watchdog = threading.Timer(seconds, channel.close)
        watchdog.daemon = True
        watchdog.start()
        try:
            channel.exec_command(line)
        finally:
            watchdog.cancel()
        return channel

    def _discard(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare[1].add_done_callback(_close_channel)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            disconnect(connection)


def _close_channel(future: Future[Any]) -> None:
    if future.exception() is None:
        with suppress(OSError, EOFError):  # the connection is gone
            future.result().close()


def _close_all() -> None:
    for one in _links.values():
        one.close()
