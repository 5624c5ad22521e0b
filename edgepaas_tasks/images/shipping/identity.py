"""Whether an image on a host is the one on this machine.

Where both engines have graph drivers, an image's id is the digest of its configuration, which names its layers: the id
decides. containerd's store calls an image by its manifest, which may be another one on each side: there it is what the
engines tell of layers and configuration.
"""

from __future__ import annotations

from edgepaas_tasks.images.image import Image
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.machine import docker
from edgepaas_tasks.remote.machine.docker import Content
from edgepaas_tasks.remote.result import Result
from edgepaas_tasks.remote.service.state import State


def on_host(here: Image, state: State) -> str:
    """What a host calls the image, empty when it lacks it."""
    store = state.facts.docker_store
    found = (one for one, content in state.images.items() if _same(here, store, one, content))
    return next(found, "")


def verified(here: Image, host: str, state: State, result: Result, digest: str) -> str:
    """The id of what came to a host, as it was told there. Raises CommandFailed when it is not the image here.

    `digest` is that of the configuration or manifest that was sent: what is called so is the image.
    """
    identifier, content = docker.parse_image(result.text)
    if identifier != digest and not _same(here, state.facts.docker_store, identifier, content):
        raise foreign(here, host, f"{identifier}, {len(content.layers)} layers")
    return identifier


def foreign(here: Image, host: str, got: str) -> CommandFailed:
    """For another image than was sent."""
    return CommandFailed(
        host,
        f"the image that arrived is not {here.reference}",
        code=docker.FOREIGN,
        got=got,
        next_step="deploy again; if it stays so, docker image inspect on both sides tells what differs",
    )


def _same(here: Image, store: str, identifier: str, content: Content) -> bool:
    if docker.is_graph_driver(here.store) and docker.is_graph_driver(store):
        return identifier == here.id
    return content == here.content
