"""The instances that an environment's tags select."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, task
from edgepaas_tasks.namespaces.options import ENV_HELP, JSON_HELP


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def hosts(c: Any, env: str = "", json: bool = False) -> None:
    """Show the running instances that have the tags."""
    from edgepaas_tasks.report import inventory as report
    from edgepaas_tasks.service import inventory
    from edgepaas_tasks.service.service import load_service

    found = inventory.instances(load_service(c, env).settings)
    answer(report.instances, report.instances_json, found, json=json)


ns = Collection("ec2")
ns.add_task(hosts, default=True)
