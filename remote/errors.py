"""What can go wrong with a host, each with the host, what was tried, what came back and what to do next."""

from __future__ import annotations


def explain(problem: str, *, tried: str = "", got: str = "", next_step: str = "") -> str:
    """A problem with its parts, those that are not empty, each on lines of its own."""
    lines = [problem]
    for label, text in (("tried", tried), ("got", got), ("next", next_step)):
        if text:
            first, *rest = text.rstrip().splitlines() or [""]
            lines.append(f"  {label + ':':<7}{first}")
            lines.extend(f"         {line}" for line in rest)
    return "\n".join(lines)


class RemoteError(Exception):
    """A host could not be read or changed.

    Parts are kept apart so that a caller can print, store or redact each; `str()` gives the whole in aligned lines.
    """

    def __init__(
        self, host: str, problem: str, *, tried: str = "", got: str = "", next_step: str = ""
    ) -> None:
        self.host = host
        self.problem = problem
        self.tried = tried
        self.got = got
        self.next_step = next_step
        super().__init__(problem)

    def __str__(self) -> str:
        return explain(
            f"{self.host}: {self.problem}",
            tried=self.tried,
            got=self.got,
            next_step=self.next_step,
        )


class Unreachable(RemoteError):
    """No connection, or no login, within the deadline."""


class HostKeyUnknown(RemoteError):
    """The host's key is in no known_hosts file that was given."""


class HostKeyChanged(RemoteError):
    """The host shows another key than the one that was pinned."""


class CommandFailed(RemoteError):
    """A command (its name in `command`) ended with an exit code that it may not end with.

    `log` is all that it said, where `got` is a part of it.
    """

    def __init__(
        self, host: str, problem: str, *, code: int, command: str = "", log: str = "", **parts: str
    ) -> None:
        super().__init__(host, problem, **parts)
        self.code = code
        self.command = command
        self.log = log


class DeadlineExceeded(RemoteError):
    """A command or a phase did not end in time."""


class ConnectionLost(RemoteError):
    """The connection ended while a command ran; what the command did is not known."""


class Interrupted(RemoteError):
    """Nothing more was begun on this host, since the whole was interrupted."""


class LeaseHeld(RemoteError):
    """Somebody else is deploying to this host."""


class LeaseLost(RemoteError):
    """The lease that a changing script must hold is no longer ours; nothing was changed."""


class Unsupported(RemoteError):
    """The host's system has no row in the table of systems."""


class HostErrors(Exception):
    """Several hosts failed in one phase; `errors` has one a host."""

    def __init__(self, errors: dict[str, Exception]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors.values()))
