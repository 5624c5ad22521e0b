"""The way a batch reaches a machine: over SSH or on this one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from .batch import Batch, Frames


@dataclass
class Streams:
    """Both streams of a running batch; `ended` is set when the program has ended by itself."""

    out: Frames
    err: Frames
    ended: bool = False
    late: bool = False
    note: str = field(default="")


class Transport(Protocol):
    """One open way to one machine. Used by one thread at a time, but for `interrupt`."""

    name: str

    def begin(self) -> None:
        """Connect in the background, for `open` to wait for."""
        ...

    def open(self) -> None:
        """Connect, unless there is a connection. Raises Unreachable, HostKeyUnknown or HostKeyChanged."""
        ...

    def execute(
        self, batch: Batch, chunks: Iterable[bytes], on_line: Callable[[str], None] | None
    ) -> Streams:
        """Send the batch, then the chunks, and return when it ended or its time was up."""
        ...

    def forward(self, port: int) -> AbstractContextManager[int]:
        """A port of the machine that leads to `port` of this one. Raises forward.ForwardRefused."""
        ...

    def clone(self) -> Transport:
        """Another way to the same machine, not yet open."""
        ...

    def interrupt(self) -> None:
        """End what runs now, as seen from here; from any thread."""
        ...

    def close(self) -> None:
        """Done with it; a connection may stay warm for the next command of this process."""
        ...
