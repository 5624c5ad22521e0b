"""The lease that keeps two deploys apart."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import DRY_RUN_HELP, ENV_HELP, JSON_HELP


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
        "dry_run": DRY_RUN_HELP,
    }
)
def release(c: Any, env: str = "", allow_live_holder: bool = False, dry_run: bool = False) -> None:
    """Break a lease that its holder has left behind."""
    from edgepaas_tasks.lease import locks
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.report import leases as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    with connect(service) as hosts:
        if dry_run:
            found = locks.look(service, hosts)
            held = {
                one.host: [one.error or f"would break the lease of {one.held}"]
                for one in found
                if one.error or one.held is not None
            }
            say(dry_run_report.lines({host.name: held.get(host.name, []) for host in hosts}))
            return
        released = locks.release(service, hosts, allow_live_holder=allow_live_holder)
    say(report.released(released))


ns = Collection("lock")
ns.add_task(status, default=True)
ns.add_task(release)
