"""The app from the inside: what its containers have written, and commands in them.

Both come with the host's stdin open for as long as somebody listens: `alive` is what to send.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..command import Command, script
from ..layout import Layout

BEAT = 0.2  # seconds between two signs of life
LONGEST = 86400.0  # seconds; whatever nobody ended ends then


def alive() -> Iterator[bytes]:
    """A byte every `BEAT` seconds, for as long as this process lives."""
    while True:
        yield b"\n"
        time.sleep(BEAT)


def logs(layout: Layout, *, which: str, lines: str, since: str, follow: bool) -> Command:
    """Lines "SLOT TIME TEXT", on stdout; when following on stderr, as they are written."""
    command = script(
        "logs",
        base=layout.base,
        service=layout.service,
        which=which,
        lines=lines,
        since=since,
        follow="yes" if follow else "",
    )
    command = command.as_root().called(f"read the log of {which}")
    return command.within(LONGEST) if follow else command.within(120).at_most(512 * 2**20)


def execute(container: str, text: str) -> Command:
    """Runs `text` in a container's sh; "1TEXT" and "2TEXT" on stderr are lines of its two streams."""
    command = script("exec", container, text).as_root().called(f"run a command in {container}")
    return command.within(LONGEST).allow(*range(256))
