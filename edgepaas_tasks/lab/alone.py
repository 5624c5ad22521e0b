"""One at a time on this machine: what labs that come up at once would otherwise install, build or take twice."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Waits for every other process of this user, and thread of this one, that is at the same thing.

    Ends with the process, whatever happens to it.
    """
    name = re.sub(r"[^a-z0-9.]+", "-", what)
    path = Path(tempfile.gettempdir()) / f"edgepaas-lab-{os.getuid()}-{name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
