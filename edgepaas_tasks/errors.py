"""The errors that a task can end with. The task decorator prints them; anything else is a bug of ours.

Error                    what was asked for was not done: a problem, what came back, what to do next
├── Refused              it is not possible, or not safe now                    exit code 1
│   └── Unfinished       the release is live; something after that failed       (release.gates)
├── SettingsError        wrong settings or option values                        exit code 2
└── LabError             the lab cannot be started, used or removed             exit code 1

remote.errors.RemoteError    a host could not be read or changed; has the host's name too
remote.errors.HostErrors     several hosts failed at once
"""

from __future__ import annotations

from edgepaas_tasks.remote.errors import explain


class Error(Exception):
    """What was asked for was not done.

    `got` is what came back when it was tried, `next_step` what to do about it. They are kept apart so that a caller can
    print, store or redact each; `str()` gives the whole in aligned lines.
    """

    def __init__(self, problem: str, *, got: str = "", next_step: str = "") -> None:
        self.problem = problem
        self.got = got
        self.next_step = next_step
        super().__init__(problem)

    def __str__(self) -> str:
        return explain(self.problem, got=self.got, next_step=self.next_step)


class Refused(Error):
    """What was asked for is not possible, or not safe now."""


class SettingsError(Error):
    """The settings, or a value given on the command line, are wrong. One problem a line."""


class LabError(Error):
    """The lab cannot be started, used or removed."""
