"""What the tasks of the lease call."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks import locks, report
from edgepaas_tasks.locks import Lock
from edgepaas_tasks.service import hosts, service


def status(c: Any, env: str) -> list[Lock]:
    of = service(c, env)
    with hosts(of) as found:
        return locks.look(of, found)


def release(c: Any, env: str, *, force: bool) -> str:
    of = service(c, env)
    with hosts(of) as found:
        return report.released(locks.release(of, found, force=force))
