"""What is done before Invoke reads its configuration: errors of its own would be tracebacks."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
from pathlib import Path

from invoke import Exit

from edgepaas_tasks.console.configuration import require_readable
from edgepaas_tasks.console.places import project_above
from edgepaas_tasks.errors import SettingsError

# Options of Invoke that print something and run no task. They stand before any task; behind one they are its own.
_PRINTING = {"-l", "--list", "-h", "--help"}


def prepare() -> None:
    """Raises Exit, which Invoke ends on with one line, where the project's invoke.yaml cannot be read."""
    first = itertools.takewhile(lambda word: word.startswith("-"), sys.argv[1:])
    if _PRINTING.intersection(first) and threading.current_thread() is threading.main_thread():
        # As other tools do where the reader of a pipe is gone: `inv --list | head`.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        require_readable(project_above(Path.cwd()))
    except SettingsError as error:
        raise Exit(str(error), 2) from None
