"""Which database the app uses, where the settings leave it open."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, JSON_HELP, WAIT_HELP, say, task


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show which database is used on each host."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.fleet.status import as_json
    from edgepaas_tasks.report import fleet as report

    service, found = commands.status(c, env)
    if json:
        hosts = {one["host"]: one["database"] for one in as_json(service, found)["hosts"]}
        say(jsons.dumps(hosts, indent=2))
    else:
        say(report.databases(service, found))


@task(
    help={
        "env": ENV_HELP,
        "mode": "postgres or sqlite; nothing is copied from one to the other, nothing dropped.",
        "wait": WAIT_HELP,
    }
)
def use(c: Any, env: str = "", mode: str = "", wait: str = "") -> None:
    """Move the app to Postgres, or to its SQLite file."""
    from edgepaas_tasks.commands import db as commands

    say(commands.use(c, env, mode=mode, wait=wait))


ns = Collection("db")
ns.add_task(status, default=True)
ns.add_task(use)
