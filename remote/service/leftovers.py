"""What transfers of a service left on a host and no release came to need: parts of images, and whole ones."""

from __future__ import annotations

from ..command import Command, script
from ..layout import Layout
from ..machine import docker


def remove(layout: Layout, name: str, spared: str = "") -> Command:
    """Removes the service's parts, and images that were built as `name`; not `spared`, an image's id.

    Never what a container uses or a release of any service on the host names. Prints a line for each removed thing.
    """
    labels = (f"{docker.PART}={layout.service}", f"{docker.OWNER}={name}")
    words = (layout.base, *labels, *([spared] if spared else []))
    command = script("leftovers", *words, uses=("named",))
    return command.as_root().within(300).called("remove what transfers left")
