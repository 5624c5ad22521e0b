"""The engine and its images on a host."""

from __future__ import annotations

from remote.command import Command, argv, script


def engine() -> Command:
    """Docker runs and starts at boot; a working engine is left alone. Prints a line for what it changed."""
    return script("engine").as_root().within(120).called("start Docker")


def images() -> Command:
    """The ids of all images of the host, one a line."""
    command = argv("docker", "images", "--all", "--quiet", "--no-trunc")
    return command.as_root().allow(1, 127).called("list the images")


def load(image: str, timeout: float = 1800) -> Command:
    """Takes an image on stdin and checks that it is the one that was meant."""
    return script("load", image).as_root().within(timeout).called("load the image")


def tag(image: str, reference: str) -> Command:
    """Gives the image its name, so that an operator finds it."""
    return argv("docker", "tag", image, reference).as_root().called(f"tag {reference}")
