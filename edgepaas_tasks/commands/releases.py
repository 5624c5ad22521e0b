"""What the task of the ledger calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgepaas_tasks.fleet import journal as ledger
from edgepaas_tasks.fleet.journal import Ledger
from edgepaas_tasks.service.service import Service, connect, load_service


def read(c: Any, env: str) -> tuple[Service, Sequence[Ledger]]:
    service = load_service(c, env)
    with connect(service) as hosts:
        return service, ledger.read(service, hosts)
