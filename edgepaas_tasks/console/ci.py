"""Where this runs, and what the log of that place understands: colours, groups, annotations.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TextIO

# What a runner sets, the particular ones first: GitHub's and GitLab's own variables, and what nearly all set.
RUNNERS = {
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "BUILDKITE": "Buildkite",
    "CIRCLECI": "CircleCI",
    "TF_BUILD": "Azure Pipelines",
    "JENKINS_URL": "Jenkins",
    "CI": "CI",
}
FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


@dataclass(frozen=True)
class Place:
    """`runner` is the CI's name, empty on somebody's own machine; `run_url` leads to the run where that is known."""

    runner: str
    run_url: str = ""

    @property
    def github(self) -> bool:
        return self.runner == RUNNERS["GITHUB_ACTIONS"]


def detect(environ: Mapping[str, str] = os.environ) -> Place:
    """What the environment says."""
    for name, runner in RUNNERS.items():
        if environ.get(name, "").lower() not in ("", "0", "false"):
            return Place(runner, _run_url(environ))
    return Place("")


def lively(stream: IO[str]) -> bool:
    """Whether a stream is looked at by a person on a terminal that can be redrawn; a CI with one is still a log."""
    return stream.isatty() and not detect().runner and os.environ.get("TERM", "") != "dumb"


def group(title: str) -> str:
    """The line that begins a foldable group; empty where there are none."""
    return f"::group::{_data(title)}" if detect().github else ""


def end_group() -> str:
    return "::endgroup::" if detect().github else ""


def annotation(kind: str, text: str, title: str = "") -> str:
    """`error`, `warning` or `notice`, shown on the run's page; empty where there are none."""
    if not detect().github:
        return ""
    named = f" title={_property(title)}" if title else ""
    return f"::{kind}{named}::{_data(text)}"


def harmless(text: str) -> str:
    """Text of others (an app's log, a program's output) in which the runner finds no command to itself.

    Nor does a terminal: control characters, and those that change the direction of text, are shown as escapes.
    """
    return _without_commands(_CONTROLS.sub(_escaped, text))


def as_written(text: str, stream: TextIO) -> str:
    """The same for what is handed on line by line: colours stay, and a file or a pipe gets it as it was written."""
    if stream.isatty():
        text = _CONTROLS_BUT_COLOURS.sub(lambda found: found[1] or _escaped(found), text)
    return _without_commands(text)


# C0 and C1 but for tab and newline; marks of direction (Unicode's UAX 9); ECMA-48's SGR sequences set colours.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
_CONTROLS = re.compile(_CONTROL)
_CONTROLS_BUT_COLOURS = re.compile(rf"(\x1b\[[0-9;:]*m)|{_CONTROL}")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _without_commands(text: str) -> str:
    if not detect().github:
        return text
    return re.sub(r"(?m)^(\s*):(?=:)", r"\1: ", text).replace("##[", "## [")


def files(environ: Mapping[str, str] = os.environ) -> dict[str, bool]:
    """GitHub's files for later steps and jobs, and whether each can be written."""
    return {name: os.access(environ.get(name, "") or "/nowhere", os.W_OK) for name in FILES}


def _run_url(environ: Mapping[str, str]) -> str:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environ.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
