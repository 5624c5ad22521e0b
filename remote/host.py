"""One host, with two verbs: `read` looks, `change` changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from remote.batch import FENCE_CODE, Batch, Fence, results
from remote.command import Command
from remote.errors import CommandFailed, ConnectionLost, DeadlineExceeded, LeaseLost
from remote.result import Result
from remote.transport import Streams, Transport


@dataclass(frozen=True)
class Exec:
    """One round trip, for the trace: which commands, whether they change, and the wall time in seconds."""

    commands: tuple[str, ...]
    changes: bool
    seconds: float


class Host:
    """A machine that is read and changed in batches.

    `trace` has every round trip so far. With `dry_run`, `read` works as ever and `change` only tells `observe`. `busy`
    says that batch follows batch: each then gets a shell that already waits.
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
        self.busy = False
        self.trace: list[Exec] = []
        self._observe = observe

    def begin(self) -> None:
        """Connect in the background; what goes wrong is told at the first round trip."""
        self.transport.begin()

    def read(self, *commands: Command) -> tuple[Result, ...]:
        """Run commands that change nothing; one result each. Raises CommandFailed at the first failure."""
        return self._execute(Batch(commands, more=self.busy), changes=False)

    def change(self, *commands: Command) -> tuple[Result, ...]:
        """Run commands that change the host, under its lease once one is held."""
        return self.stream((), *commands, streams=False)

    def stream(
        self, chunks: Iterable[bytes], *commands: Command, streams: bool = True
    ) -> tuple[Result, ...]:
        """Like `change`; the last command reads `chunks` on its stdin."""
        if self.dry_run:
            for command in commands:
                self.tell(f"would run: {command}")
            return ()
        batch = Batch(commands, self.fence, streams, self.busy)
        return self._execute(batch, changes=True, chunks=chunks)

    def tell(self, line: str) -> None:
        """Say something about this host to whoever watches."""
        if self._observe is not None:
            self._observe(self.name, line)

    def forward(self, port: int) -> AbstractContextManager[int]:
        """A port of the host that leads to `port` of this machine. Raises forward.Refused."""
        self.transport.open()
        return self.transport.forward(port)

    def interrupt(self) -> None:
        self.transport.interrupt()

    def close(self) -> None:
        self.transport.close()

    def _execute(
        self, batch: Batch, *, changes: bool, chunks: Iterable[bytes] = ()
    ) -> tuple[Result, ...]:
        self.transport.open()
        begun = time.monotonic()
        try:
            # What a script has to say while it runs is on stderr; stdout is its answer.
            streams = self.transport.execute(batch, chunks, self.tell if changes else None)
        finally:
            names = tuple(str(command) for command in batch.commands)
            self.trace.append(Exec(names, changes, time.monotonic() - begun))
        return self._judge(batch, streams)

    def _judge(self, batch: Batch, streams: Streams) -> tuple[Result, ...]:
        if batch.fence is not None and _fenced_off(streams):
            said = streams.err.done[0][0].decode("utf-8", "replace").strip()
            raise LeaseLost(
                self.name,
                "this deploy no longer holds the lease, nothing was changed",
                got=said,
                next_step="see who deploys now, then run the command again",
            )
        done = results(batch.commands, streams.out, streams.err)
        for command, result in zip(batch.commands, done, strict=False):
            if result.code not in command.ok:
                raise CommandFailed(
                    self.name,
                    f"{command} failed (exit {result.code})",
                    code=result.code,
                    got=result.tail(),
                )
        if len(done) == len(batch.commands):
            return tuple(done)
        stopped_at = batch.commands[len(done)]
        said = (streams.err.rest or streams.out.rest).decode("utf-8", "replace").strip()[-2000:]
        if streams.late:
            raise DeadlineExceeded(
                self.name,
                f"{stopped_at} did not end within {batch.timeout:.0f} s",
                got=said,
                next_step="look at the host; a rerun is safe",
            )
        if "sudo:" in said:
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
