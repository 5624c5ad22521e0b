"""Commands and Python functions of a project that run on this machine around a deploy.

A hook is a process of its own: it can be ended in time, and of our environment it sees what is no secret, and of the
secrets those that it asks for.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import IO, TYPE_CHECKING

from edgepaas_tasks.console.task import redactor

if TYPE_CHECKING:
    from edgepaas_tasks.settings import Hook

FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
SHOWN = 10  # lines of a hook's output, its last
# Not the values of an application, and nothing works without them.
_ALWAYS = ("PATH", "HOME", "LANG", "TERM", "TMPDIR", "USER", "PWD")


@dataclass(frozen=True)
class Event:
    """What a hook is told. `result` is empty before the deploy, then success, failure, interrupted or unfinished.

    Unfinished: the release is live and on record, and what comes after that failed.

    `action`: deploy, rollback or env.push. `release` is 0 and `version` empty where they are not settled yet. `error`
    is one line. `report` is the path of the failure report, if there is one. `seconds` since the command began.
    """

    hook: str
    action: str
    app: str
    environment: str
    hosts: tuple[str, ...]
    version: str = ""
    release: int = 0
    result: str = ""
    flipped_back: bool = False
    error: str = ""
    report: str = ""
    seconds: float = 0.0

    def variables(self) -> dict[str, str]:
        """As a command sees it: EDGEPAAS_ and each name in capitals; hosts with spaces between."""
        texts = {**asdict(self), "hosts": " ".join(self.hosts)}
        texts["release"] = str(self.release or "")
        texts["flipped_back"] = "true" if self.flipped_back else "false"
        texts["seconds"] = f"{self.seconds:.1f}"
        return {f"EDGEPAAS_{name.upper()}": str(text) for name, text in texts.items()}


class HookFailed(Exception):
    """A hook ended with an error, or not in time."""


def run(hook: Hook, event: Event, environment: Mapping[str, str]) -> list[str]:
    """One hook; the last lines that it said, without secrets. Raises HookFailed.

    `environment` is all that it gets beside the event's variables.
    """
    function = FUNCTION.fullmatch(hook.run)
    if function:
        words = [
            sys.executable,
            "-c",
            "from edgepaas_tasks.events.hooks import main; main()",
            hook.run,
        ]
        # So that it finds what this process finds: the project's modules, and us.
        paths = [os.getcwd(), *(path for path in sys.path if path)]
        environment = {**environment, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    else:
        words = ["sh", "-c", hook.run]
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as said:
        if function:
            stdin.write(json.dumps(asdict(event)).encode())
            stdin.seek(0)
        # Its output goes to a file: through a pipe, what it left running would keep us waiting.
        code = _wait(words, hook.timeout, {**environment, **event.variables()}, stdin, said)
        said.seek(0)
        lines = _clean(said.read().decode("utf-8", "replace"))
    if code == 0:
        return lines
    why = f"not done within {hook.timeout:g} s" if code is None else f"exit {code}"
    raise HookFailed("\n".join([f"{hook.run!r}: {why}", *(f"  {line}" for line in lines)]))


def scrubbed(secrets: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without the variables `secrets`, nor others that hold a secret; `given` on top."""
    hidden = {name for secret in secrets for name in (secret, f"{secret}_FILE")}
    kept = {
        name: text
        for name, text in os.environ.items()
        if name not in hidden and (name in _ALWAYS or redactor()(text) == text)
    }
    return {**kept, **given}


def main() -> None:
    """In the hook's own process: the function that argv names, called with the event that stdin brings."""
    module, _, name = sys.argv[1].partition(":")
    data = json.load(sys.stdin)
    event = Event(**{**data, "hosts": tuple(data["hosts"])})
    getattr(import_module(module), name)(event)


def _wait(
    words: Sequence[str],
    seconds: float,
    environment: Mapping[str, str],
    stdin: IO[bytes],
    said: IO[bytes],
) -> int | None:
    """Its exit code, None when its time was up: then all that it started is ended, and when we are interrupted."""
    process: subprocess.Popen[bytes] = subprocess.Popen(
        words,
        env=dict(environment),
        stdin=stdin,
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _clean(text: str) -> list[str]:
    return redactor()(text).rstrip().splitlines()[-SHOWN:]
