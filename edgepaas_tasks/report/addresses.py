"""Where a browser finds the app."""

from __future__ import annotations

from edgepaas_tasks.service import inventory
from edgepaas_tasks.service.service import Service


def addresses(service: Service) -> list[str]:
    """Where a browser finds the app."""
    return [f"  {address}" for address in inventory.addresses(service.settings)]
