"""What the tasks of the lease call."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks.lease import locks
from edgepaas_tasks.lease.locks import Lock
from edgepaas_tasks.report import leases as report
from edgepaas_tasks.service.service import connect, load_service


def status(c: Any, env: str) -> list[Lock]:
    service = load_service(c, env)
    with connect(service) as hosts:
        return locks.look(service, hosts)


def release(c: Any, env: str, *, force: bool) -> str:
    service = load_service(c, env)
    with connect(service) as hosts:
        return report.released(locks.release(service, hosts, force=force))
