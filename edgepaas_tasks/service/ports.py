"""The port of the live slot: the one that its container has, even if the settings have changed since."""

from __future__ import annotations

from collections.abc import Mapping

from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.service.slots import Container, Live
from edgepaas_tasks.service.service import Service


def moved(
    service: Service, live: Live, containers: Mapping[str, Container]
) -> tuple[str, str] | None:
    """What is wrong, and the next step, where nginx would look for the live container on another port than its own."""
    container, wanted = containers.get(live.slot), service.port(live.slot)
    if container is None or not container.port or container.port == wanted:
        return None
    return (
        f"slots.{live.slot} is {wanted}, and {live.slot} is live on {container.port}",
        f"set slots.{live.slot} to {container.port}; change the idle slot's port, deploy, then the other",
    )


def require(service: Service, host: str, live: Live, containers: Mapping[str, Container]) -> None:
    """Raises RemoteError, before nginx is pointed at a port where nothing listens."""
    if found := moved(service, live, containers):
        raise RemoteError(host, f"{found[0]}; nothing was changed", next_step=found[1])
