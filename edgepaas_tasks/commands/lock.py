"""What the tasks of the lease call."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks.lease import locks
from edgepaas_tasks.lease.locks import Lock
from edgepaas_tasks.report import leases as report
from edgepaas_tasks.service.service import hosts, service


def status(c: Any, env: str) -> list[Lock]:
    of = service(c, env)
    with hosts(of) as found:
        return locks.look(of, found)


def release(c: Any, env: str, *, force: bool) -> str:
    of = service(c, env)
    with hosts(of) as found:
        return report.released(locks.release(of, found, force=force))
