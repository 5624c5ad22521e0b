"""Files of this machine that we write for people."""

from __future__ import annotations

import os
from pathlib import Path

from edgepaas_tasks.errors import Refused


def write(path: Path, content: bytes, header: str, *, mode: int) -> None:
    """Writes a file whole, with its mode from the first byte. Raises Refused rather than replace what is not ours.

    A file of ours begins with `header`.
    """
    try:
        theirs = path.exists() and not path.read_bytes().startswith(header.encode())
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    if theirs:
        raise Refused(f"{path} was not written by this command: move it away first")
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
