"""Lines on stdout and stderr. A reader that is gone, as in `inv status | head -1`, is no error of ours."""

from __future__ import annotations

import os
import signal
import sys
from typing import TextIO


def put(line: str, stream: TextIO | None = None) -> bool:
    """Print a line at once. False where nobody reads the stream any more: what follows goes nowhere, without an error.

    Work goes on: a deploy does not end half-way because its log has lost its reader.
    """
    stream = stream or sys.stdout
    try:
        print(line, file=stream, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return False
    return True


def follow(line: str, stream: TextIO | None = None) -> bool:
    """Print a line of what goes on until somebody ends it; that its reader is gone ends it, as Ctrl-C does."""
    there = put(line, stream)
    if not there:
        signal.raise_signal(signal.SIGINT)
    return there
