"""The EBS volume for Docker's data."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, JSON_HELP, say, task


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show whether Docker's data is on its volume."""
    from edgepaas_tasks.commands import volume as commands
    from edgepaas_tasks.report import fleet as report

    found = commands.status(c, env)
    say(jsons.dumps(found, indent=2) if json else report.volumes(found))


@task(help={"env": ENV_HELP})
def attach(c: Any, env: str = "") -> None:
    """Attach the volume to the host's instance, through AWS."""
    from edgepaas_tasks.commands import volume as commands

    say(commands.attach(c, env))


@task(help={"env": ENV_HELP})
def setup(c: Any, env: str = "") -> None:
    """Move Docker's data to the volume, formatted if empty."""
    from edgepaas_tasks.commands import volume as commands

    say(commands.setup(c, env))


ns = Collection("volume")
ns.add_task(status, default=True)
ns.add_task(attach)
ns.add_task(setup)
