"""Several commands as one program for a host's `sh`, and the way its output is told apart again.

The program travels on stdin, so nothing of it shows in a process list. Each command's end is marked on both streams by
a line with a random word and the exit code; the program stops at the first code that is no answer to its command.
"""

from __future__ import annotations

import base64
import secrets
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .command import Command, source, stdin_bytes
from .result import Result

# One line that any login shell understands (csh and fish too), the same for every program. It reads a length, so many
# bytes of program, and leaves the rest of stdin to the commands: `read` and `head -c` take no byte too many.
# `sudo -n` so that a missing right fails at once instead of waiting for a password.
_READ = shlex.quote('read -r edgepaas_length && eval "$(head -c "$edgepaas_length")"')
_AS_USER = f"exec sh -c {_READ}"
_AS_ROOT = (
    "exec sh -c "
    + shlex.quote('if [ "$(id -u)" -eq 0 ]; then exec sh -c "$1"; else exec sudo -n sh -c "$1"; fi')
    + f" sh {_READ}"
)

KEPT = (
    2**16
)  # bytes that are kept of what a command had to say while it ran: the end, which explains a failure
FENCE_CODE = 75  # EX_TEMPFAIL of sysexits.h


@dataclass(frozen=True)
class Fence:
    """What a changing program must hold while it runs: the lease at `path`, with our token in it.

    `phase` is shown to others who find the lease held.
    """

    path: str
    token: str = field(repr=False)
    ttl: int
    phase: str = ""


@dataclass(frozen=True)
class Watch:
    """Callbacks while a batch runs; each is called from the thread that reads the stream.

    `line`: a line of stderr. `ended`: a command's index, exit code and output, as soon as it has ended.
    """

    line: Callable[[str], None] | None = None
    ended: Callable[[int, int, str], None] | None = None


@dataclass(frozen=True)
class Batch:
    """Commands that run in this order, in one round trip.

    It runs with the highest privilege that any of its commands asks for. With `streams`, the last command reads what
    the caller sends after the program. With `more`, another batch is expected soon after this one.
    """

    commands: tuple[Command, ...]
    fence: Fence | None = None
    streams: bool = False
    more: bool = False
    ended: Callable[[int, int, str], None] | None = field(default=None, compare=False)
    marker: str = field(default_factory=lambda: f"edgepaas-{secrets.token_hex(8)}")

    @property
    def root(self) -> bool:
        return any(command.root for command in self.commands)

    @property
    def timeout(self) -> float:
        """Seconds that the whole may take."""
        return sum(command.timeout for command in self.commands)

    @property
    def most(self) -> int:
        """Bytes of an answer that are taken from a host."""
        return max(command.most for command in self.commands)

    def frames(self, on_line: Callable[[str], None] | None) -> tuple[Frames, Frames]:
        """For its stdout and its stderr, of which `on_line` hears each line."""
        out = Frames(self.marker, ended=self.ended, most=self.most)
        return out, Frames(self.marker, on_line, most=self.most)

    def program(self) -> bytes:
        """What goes to the stdin of `shell_line`: a length, and so many bytes."""
        text = self._text()
        return b"%d\n%b" % (len(text), text)

    def _text(self) -> bytes:
        parts = [
            # C messages for parsers; sbin because a login user's PATH may lack it on Debian.
            'export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"',
            "edgepaas_end() { printf '\\n%s %s\\n' " + self.marker + ' "$1"; '
            "printf '\\n%s %s\\n' " + self.marker + ' "$1" >&2; }',
        ]
        if self.fence is not None:
            fence = self.fence
            words = ("set", "--", fence.path, fence.token, str(fence.ttl), fence.phase)
            parts.append(f"{shlex.join(words)}\n{source('fence')}")
        for index, command in enumerate(self.commands):
            last = index == len(self.commands) - 1
            parts.append(self._step(command, inherits=self.streams and last))
        return ("\n".join(parts) + "\n").encode()

    def _step(self, command: Command, *, inherits: bool) -> str:
        if command.body:
            given = "".join(f"{name}={shlex.quote(text)}\n" for name, text in command.values)
            words = shlex.join(("set", "--", *command.words[1:]))
            run = f"(\n{given}{words}\n{command.body}\n)"
        else:
            run = shlex.join(command.words)
        # The fence's descriptor stays with this shell: a child that outlives it must not hold the lock.
        run += " 9>&-"
        if command.stdin is not None:
            # printf is the shell's own, so the text is on no argv; base64 carries any byte.
            coded = base64.b64encode(stdin_bytes(command.stdin)).decode()
            run = f"printf %s {coded} | base64 -d | {run}"
        elif not inherits:
            run += " </dev/null"
        accepted = "|".join(str(code) for code in sorted(command.ok))
        return (
            f'{run}\nedgepaas_code=$?\nedgepaas_end "$edgepaas_code"\n'
            f'case "$edgepaas_code" in {accepted}) ;; *) exit 0 ;; esac'
        )

    def shell_line(self) -> str:
        """The exec request: a shell that waits for a program."""
        return _AS_ROOT if self.root else _AS_USER


class Frames:
    """Tells one stream of a batch apart, as it comes.

    `flooded` is set when a command's answer is larger than `most` bytes: the rest of the stream is worth nothing then.
    """

    def __init__(
        self,
        marker: str,
        on_line: Callable[[str], None] | None = None,
        ended: Callable[[int, int, str], None] | None = None,
        most: int = 8 * 2**20,
    ) -> None:
        self._end = b"\n" + marker.encode() + b" "
        self._mark = marker.encode()
        self._buffer = bytearray()
        self._searched = 0  # of the buffer, for the end of the command
        self._shown = 0
        self._listened = 0  # of the buffer, for the end of a line
        self._on_line = on_line
        self._ended = ended
        self._most = most
        self.flooded = False
        self.done: list[tuple[bytes, int]] = []
        self.times: list[float] = []  # when each mark came, monotonic seconds

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while (at := self._buffer.find(self._end, self._searched)) >= 0:
            stop = self._buffer.find(b"\n", at + len(self._end))
            if stop < 0:
                self._searched = at
                break
            code = int(self._buffer[at + len(self._end) : stop])
            output = bytes(self._buffer[:at])
            self._show(output, whole=True)
            self.done.append((output, code))
            self.times.append(time.monotonic())
            del self._buffer[: stop + 1]
            self._searched = self._shown = self._listened = 0
            if self._ended is not None:
                self._ended(len(self.done) - 1, code, output.decode("utf-8", "replace"))
        else:
            self._searched = max(0, len(self._buffer) - len(self._end))
        self._show(self._buffer, whole=False)
        if self._shown > 2 * KEPT:
            # Somebody has heard it; a command that speaks for hours must not fill our memory.
            gone = self._shown - KEPT
            del self._buffer[:gone]
            self._shown = KEPT
            self._searched, self._listened = (
                max(0, at - gone) for at in (self._searched, self._listened)
            )
        self.flooded = self.flooded or len(self._buffer) > self._most

    @property
    def rest(self) -> bytes:
        """What came after the last mark: the output of a command that has not ended."""
        return bytes(self._buffer)

    def _show(self, output: bytes | bytearray, *, whole: bool) -> None:
        if self._on_line is None:
            return
        while True:
            end = output.find(b"\n", max(self._shown, self._listened))
            if end < 0:
                self._listened = len(output)
                if not whole or self._shown >= len(output):
                    return
                end = len(output)
            line = bytes(output[self._shown : end])
            if not whole and line.startswith(self._mark):
                return
            self._shown = end + 1
            if line.strip():
                self._on_line(line.decode("utf-8", "replace"))


def results(
    commands: Sequence[Command], out: Frames, err: Frames, begun: float = 0.0
) -> list[Result]:
    """One result for each command that ended; its seconds are those from the end of the one before, or from `begun`."""
    began = (begun or (out.times[0] if out.times else 0.0), *out.times)
    pairs = zip(commands, out.done, err.done, out.times, began, strict=False)
    return [
        Result(
            str(command),
            stdout.decode("utf-8", "replace"),
            stderr.decode("utf-8", "replace"),
            code,
            end - start,
        )
        for command, (stdout, code), (stderr, _), end, start in pairs
    ]
