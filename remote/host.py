"""One host: `read` and `ask` change nothing, `change` and `stream` do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeVar, overload

from .batch import FENCE_CODE, Batch, Fence, Watch, results
from .command import Command
from .errors import (
    CommandFailed,
    ConnectionLost,
    DeadlineExceeded,
    Interrupted,
    LeaseLost,
    RemoteError,
)
from .question import Question, together
from .result import Result
from .transport import Streams, Transport

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@dataclass(frozen=True)
class Exec:
    """One round trip, for the trace: which commands, whether they change, wall time in seconds, in which phase."""

    commands: tuple[str, ...]
    changes: bool
    seconds: float
    phase: str = ""


class Host:
    """A machine that is read and changed in batches.

    `trace` has every round trip so far; `phase` names what the next ones are for. With `dry_run`, `read` works as usual
    and `change` only tells `observe`. `expects_more`: another batch follows soon, so a shell is started in advance.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        dry_run: bool = False,
        observe: Callable[[str, str], None] | None = None,
    ) -> None:
        self.transport = transport
        self.name = transport.name
        self.dry_run = dry_run
        self.fence: Fence | None = None
        self.expects_more = False
        self.phase = ""
        self.trace: list[Exec] = []
        self._observe = observe
        self._interrupted = threading.Event()

    def begin(self) -> None:
        """Connect in the background; what goes wrong is told at the first round trip."""
        self.transport.begin()

    def read(self, *commands: Command) -> tuple[Result, ...]:
        """Run commands that change nothing; one result each. Raises CommandFailed at the first failure."""
        return self._execute(Batch(commands, more=self.expects_more), changes=False)

    @overload
    def ask(self, one: Question[A], /) -> A: ...
    @overload
    def ask(self, one: Question[A], two: Question[B], /) -> tuple[A, B]: ...
    @overload
    def ask(self, one: Question[A], two: Question[B], three: Question[C], /) -> tuple[A, B, C]: ...
    @overload
    def ask(self, *questions: Question[Any]) -> tuple[Any, ...]: ...

    def ask(self, *questions: Question[Any]) -> Any:
        """Ask all questions in one round trip: the answer, or a tuple of them. Raises CommandFailed."""
        asked = together(questions)
        answers = asked.parse(self.read(*asked.commands))
        return answers[0] if len(answers) == 1 else answers

    def change(self, *commands: Command, watch: Watch | None = None) -> tuple[Result, ...]:
        """Run commands that change the host, under its lease once one is held."""
        return self.stream((), *commands, streams=False, watch=watch)

    def stream(
        self,
        chunks: Iterable[bytes],
        *commands: Command,
        streams: bool = True,
        watch: Watch | None = None,
    ) -> tuple[Result, ...]:
        """Like `change`; the last command reads `chunks` on its stdin."""
        if self.dry_run:
            for command in commands:
                self.notify(f"would run: {command}")
            return ()
        fence = replace(self.fence, phase=self.phase) if self.fence is not None else None
        ended = watch.ended if watch is not None else None
        batch = Batch(commands, fence, streams, self.expects_more, ended)
        return self._execute(batch, changes=True, chunks=chunks, watch=watch)

    def notify(self, line: str) -> None:
        """Tell the observer something about this host."""
        if self._observe is not None:
            self._observe(self.name, line)

    def forward(self, port: int) -> AbstractContextManager[int]:
        """A port of the host that leads to `port` of this machine. Raises forward.ForwardRefused."""
        self.transport.open()
        return self.transport.forward(port)

    def clone(self) -> Host:
        """The same machine over a connection of its own, with a trace of its own and without the lease."""
        return Host(self.transport.clone(), dry_run=self.dry_run)

    def open(self) -> None:
        """Connect, so that the first round trip finds an open connection."""
        self.transport.open()

    def interrupt(self) -> None:
        """End what runs now, as seen from here, and begin nothing more; from any thread."""
        self._interrupted.set()
        self.transport.interrupt()

    def resume(self) -> None:
        """After an interrupt: for what has to be put in order."""
        self._interrupted.clear()

    def pause(self, seconds: float) -> None:
        """Sleep, unless interrupted. Raises Interrupted."""
        if self._interrupted.wait(seconds):
            raise Interrupted(self.name, "interrupted")

    def close(self) -> None:
        self.transport.close()

    def _execute(
        self,
        batch: Batch,
        *,
        changes: bool,
        chunks: Iterable[bytes] = (),
        watch: Watch | None = None,
    ) -> tuple[Result, ...]:
        self.pause(0)
        self.transport.open()
        begun, phase = time.monotonic(), self.phase

        def hear(line: str) -> None:
            if watch is not None and watch.line is not None:
                watch.line(line)
            self.notify(line)

        try:
            # What a script has to say while it runs is on stderr; stdout is its answer.
            streams = self.transport.execute(batch, chunks, hear if changes else None)
        finally:
            names = tuple(str(command) for command in batch.commands)
            self.trace.append(Exec(names, changes, time.monotonic() - begun, phase))
        return self._judge(batch, streams, begun)

    def _judge(self, batch: Batch, streams: Streams, begun: float) -> tuple[Result, ...]:
        if batch.fence is not None and _fenced_off(streams):
            said = streams.err.done[0][0].decode("utf-8", "replace").strip()
            raise LeaseLost(
                self.name,
                "this deploy no longer holds the lease, nothing was changed",
                got=said,
                next_step="see who deploys now, then run the command again",
            )
        done = results(batch.commands, streams.out, streams.err, begun)
        for command, result in zip(batch.commands, done, strict=False):
            if result.code not in command.ok:
                raise CommandFailed(
                    self.name,
                    f"{command} failed (exit {result.code})",
                    code=result.code,
                    got=result.tail(),
                    command=str(command),
                )
        if len(done) == len(batch.commands):
            return tuple(done)
        stopped_at = batch.commands[len(done)]
        if streams.out.flooded or streams.err.flooded:
            raise RemoteError(
                self.name,
                f"{stopped_at} answered with more than {batch.most // 2**20} MB, of which nothing was used",
                next_step="look at the host: a file of the service may be damaged, or somebody fills it",
            )
        said = (streams.err.rest or streams.out.rest).decode("utf-8", "replace").strip()[-2000:]
        if streams.late:
            raise DeadlineExceeded(
                self.name,
                f"{stopped_at} did not end within {batch.timeout:.0f} s",
                got=said,
                next_step="look at the host; a rerun is safe",
            )
        # It warns when it cannot resolve the host's own name, and goes on.
        if any("sudo:" in line and "unable to resolve" not in line for line in said.splitlines()):
            raise CommandFailed(
                self.name,
                "the login user may not use sudo without a password",
                code=1,
                tried="sudo -n sh",
                got=said,
                next_step="give this user NOPASSWD in /etc/sudoers.d, or log in as root",
            )
        raise ConnectionLost(
            self.name,
            f"the connection ended during: {stopped_at}",
            got=said or streams.note,
            next_step="run the command again: it continues from what it finds",
        )


def _fenced_off(streams: Streams) -> bool:
    """The fence writes its own frame before any command could write one."""
    return (
        len(streams.out.done) == 1
        and streams.out.done[0] == (b"", FENCE_CODE)
        and streams.err.done[:1] != []
        and (b"lease" in streams.err.done[0][0] or b"changing program" in streams.err.done[0][0])
    )
