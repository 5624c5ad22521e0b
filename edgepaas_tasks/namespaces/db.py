"""Which database the app uses, where the settings leave it open."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.namespaces.options import (
    DRY_RUN_HELP,
    ENV_HELP,
    JSON_HELP,
    WAIT_HELP,
    parse_wait,
)


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show which database is used on each host."""
    from edgepaas_tasks.namespaces.status import query_status
    from edgepaas_tasks.report import fleet as report

    answer(report.databases, report.databases_json, *query_status(c, env), json=json)


@task(
    help={
        "env": ENV_HELP,
        "mode": "postgres or sqlite; nothing is copied from one to the other, nothing dropped.",
        "wait": WAIT_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def use(c: Any, env: str = "", mode: str = "", wait: str = "", dry_run: bool = False) -> None:
    """Move the app to Postgres, or to its SQLite file."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.database import mode as modes
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.release import dry_run as dry_runs
    from edgepaas_tasks.release.push import push
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.report import releases as report
    from edgepaas_tasks.service.service import connect, load_service

    names = {"postgres": modes.POSTGRES, "sqlite": modes.SQLITE}
    service = load_service(c, env)
    if mode not in names:
        raise SettingsError(f"--mode {mode}: expected postgres or sqlite")
    if service.settings.database.mode != modes.TRYING:
        raise Refused(
            f"database.mode is {service.settings.database.mode}: the settings say which database it is; "
            "inv db.use chooses where it is try_postgres"
        )
    lease_wait = parse_wait(service, wait)
    title = f"use {mode} for {service.settings.app} in {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        if dry_run:
            lines = dry_runs.use_database(service, hosts, progress, names[mode])
            say(dry_run_report.lines(lines))
            return
        outcome = push(service, hosts, progress, (), lease_wait, database=names[mode])
    if outcome is None:
        say(f"on {mode} already, nothing was changed")
    else:
        say(report.outcome(service, outcome))


ns = Collection("db")
ns.add_task(status, default=True)
ns.add_task(use)
