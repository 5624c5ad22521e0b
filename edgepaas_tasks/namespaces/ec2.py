"""The instances that an environment's tags mean."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, JSON_HELP, say, task


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def hosts(c: Any, env: str = "", json: bool = False) -> None:
    """Show the running instances that have the tags."""
    from edgepaas_tasks.commands import hosts as commands
    from edgepaas_tasks.report import inventory as report

    found = commands.instances(c, env)
    say(jsons.dumps(found, indent=2) if json else report.instances(found))


ns = Collection("ec2")
ns.add_task(hosts, default=True)
