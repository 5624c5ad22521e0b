"""Where a browser finds the app."""

from __future__ import annotations

from edgepaas_tasks.targets import inventory
from edgepaas_tasks.targets.service import Service


def addresses(of: Service) -> list[str]:
    """Where a browser finds the app."""
    return [f"  {address}" for address in inventory.addresses(of.settings)]
