"""The maintenance page of a service: up for as long as a flag is there, which nginx looks for at every request."""

from __future__ import annotations

from ..command import Command, argv, script
from ..layout import Layout
from ..question import Question, question
from .nginx import Site


def switch(site: Site, *, on: bool, page: bytes = b"") -> Command:
    """Puts the page up or takes it down, and looks at it through nginx. Prints "on" or "off", "same" if it was so.

    Exit 50: nginx does not do as the flag says. 51: the service has no directory on this host.
    """
    wanted = "on" if on else "off"
    command = script(
        "maintenance",
        stdin=page,
        base=site.layout.base,
        wanted=wanted,
        listen=site.listen,
        host_name=site.probe_name,
    )
    return command.as_root().called(f"maintenance {wanted}")


def since(layout: Layout) -> Question[int]:
    """Since when the page is up, in epoch seconds; 0 when it is not."""
    command = argv("stat", "-c", "%Y", layout.maintenance)
    return question(command.allow(1).called("read the maintenance flag"), parse)


def parse(text: str) -> int:
    """Epoch seconds, 0 when the page is not up."""
    return int(text) if text.strip().isdigit() else 0
