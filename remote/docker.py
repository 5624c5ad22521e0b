"""The engine and its images on a host."""

from __future__ import annotations

from remote.command import Command, argv, script


def engine() -> Command:
    """Docker runs and starts at boot; a working engine is left alone. Prints a line for what it changed."""
    return script("engine").as_root().within(120).called("start Docker")


def has_image(image: str) -> Command:
    """Exit 0 when the host has exactly this image, 1 when not."""
    command = argv("docker", "image", "inspect", "--format", "{{.Id}}", image)
    return command.as_root().allow(1).called("look for the image")


def load(image: str, timeout: float = 1800) -> Command:
    """Takes an image on stdin and checks that it is the one that was meant."""
    return script("load", image).as_root().within(timeout).called("load the image")


def tag(image: str, reference: str) -> Command:
    """Gives the image its name, so that an operator finds it."""
    return argv("docker", "tag", image, reference).as_root().called(f"tag {reference}")
