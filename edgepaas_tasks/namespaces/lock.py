"""The lease that keeps two deploys apart."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import ENV_HELP, JSON_HELP


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show who deploys now, and in which phase."""
    from edgepaas_tasks.lease import locks
    from edgepaas_tasks.report import leases as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    with connect(service) as hosts:
        found = locks.look(service, hosts)
    answer(report.locks, report.locks_json, found, json=json)


@task(
    help={
        "env": ENV_HELP,
        "allow_live_holder": "Break the lease of a deploy that is still running: that deploy fails.",
    }
)
def release(c: Any, env: str = "", allow_live_holder: bool = False) -> None:
    """Break a lease that its holder has left behind."""
    from edgepaas_tasks.lease import locks
    from edgepaas_tasks.report import leases as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    with connect(service) as hosts:
        released = locks.release(service, hosts, allow_live_holder=allow_live_holder)
    say(report.released(released))


ns = Collection("lock")
ns.add_task(status, default=True)
ns.add_task(release)
