"""What the task of the ledger calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgepaas_tasks.fleet import ledger
from edgepaas_tasks.fleet.ledger import Ledger
from edgepaas_tasks.targets.service import Service, hosts, service


def read(c: Any, env: str) -> tuple[Service, Sequence[Ledger]]:
    of = service(c, env)
    with hosts(of) as found:
        return of, ledger.read(of, found)
