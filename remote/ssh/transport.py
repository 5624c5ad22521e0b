"""Batches over SSH: each an exec request with the program on its stdin, on the one connection of its host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from typing import Any

from ..batch import Batch
from ..target import Target
from ..transport import Streams
from .link import Link, link

# What any call of a channel raises once the connection is gone: a write finds that out before the read does.
GONE = (OSError, EOFError)


class SSHTransport:
    """One connection, opened at first use, kept for the whole command and for those after it in the same process."""

    def __init__(self, target: Target, own: Link | None = None) -> None:
        self.name = target.name
        self._own = own
        self._link = own or link(target)
        self._channel: Any = None

    def begin(self) -> None:
        self._link.begin()

    def open(self) -> None:
        self._link.open()

    def execute(
        self, batch: Batch, chunks: Iterable[bytes], on_line: Callable[[str], None] | None
    ) -> Streams:
        streams = Streams(*batch.frames(on_line))
        deadline = time.monotonic() + batch.timeout
        try:
            channel = self._link.session(batch.shell_line(), batch.timeout)
        except (
            Exception
        ) as error:  # paramiko raises many kinds here; all mean the connection is gone
            streams.note = str(error)
            return streams
        self._channel = channel
        channel.settimeout(batch.timeout)
        failures: list[BaseException] = []

        def send() -> None:
            try:
                channel.sendall(batch.program())
                for chunk in chunks:
                    channel.sendall(chunk)
                channel.shutdown_write()
            except GONE:
                pass  # the other side ended; its frames, or their absence, say why
            except BaseException as error:
                failures.append(error)
                _end(channel)

        def receive_stderr() -> None:
            with suppress(*GONE):
                while data := channel.recv_stderr(65536):
                    streams.err.feed(data)
                    if streams.err.flooded:
                        _end(channel)
                        return

        stderr = threading.Thread(target=receive_stderr, daemon=True)
        stderr.start()
        if batch.streams:
            # Never waited for: once the program has ended, what is left to send does not matter.
            threading.Thread(target=send, daemon=True).start()
        else:
            send()
        if batch.more:
            self._link.prepare(batch.shell_line(), batch.timeout)
        try:
            while True:
                channel.settimeout(max(0.0, deadline - time.monotonic()))
                data = channel.recv(65536)
                if not data:
                    break
                streams.out.feed(data)
                if streams.out.flooded:
                    break
            stderr.join(max(0.0, deadline - time.monotonic()))
            streams.ended = True
        except TimeoutError:
            streams.late = True
        except EOFError as error:
            streams.note = str(error) or "the other side is gone"
        finally:
            self._channel = None
            _end(channel)
        if failures:
            raise failures[0]
        return streams

    def forward(self, port: int) -> AbstractContextManager[int]:
        return self._link.forward(port)

    def clone(self) -> SSHTransport:
        target = self._link.target
        return SSHTransport(target, Link(target))

    def interrupt(self) -> None:
        channel = self._channel
        if channel is not None:
            _end(channel)

    def close(self) -> None:
        self.interrupt()
        if self._own is not None:
            self._own.close()
        else:
            self._link.rest()


def _end(channel: Any) -> None:
    """Closing tells the other side, if there is one still."""
    with suppress(*GONE):
        channel.close()
