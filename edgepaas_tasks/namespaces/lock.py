"""The lease that keeps two deploys apart."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, JSON_HELP, say, task


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show who deploys now, and in which phase."""
    from edgepaas_tasks.commands import lock as commands
    from edgepaas_tasks.report import leases as report

    found = commands.status(c, env)
    listed = {"hosts": [one.as_json() for one in found]}
    say(jsons.dumps(listed, indent=2) if json else report.locks(found))


@task(help={"env": ENV_HELP, "force": "Also when its holder is alive: that deploy ends."})
def release(c: Any, env: str = "", force: bool = False) -> None:
    """Break a lease that its holder has left behind."""
    from edgepaas_tasks.commands import lock as commands

    say(commands.release(c, env, force=force))


ns = Collection("lock")
ns.add_task(status, default=True)
ns.add_task(release)
