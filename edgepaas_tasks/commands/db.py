"""What the tasks of the database's mode call."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks.commands.options import parse_wait
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.release.push import push
from edgepaas_tasks.report import releases as report
from edgepaas_tasks.service.service import connect, load_service
from edgepaas_tasks.settings import SettingsError

NAMES = {"postgres": modes.POSTGRES, "sqlite": modes.SQLITE}


def use(c: Any, env: str, *, mode: str, wait: str) -> str:
    """A new release of the live image with the present variables, on the given database."""
    service = load_service(c, env)
    if mode not in NAMES:
        raise SettingsError(f"--mode {mode}: expected postgres or sqlite")
    if service.settings.database.mode != modes.TRYING:
        raise Refused(
            f"database.mode is {service.settings.database.mode}: the settings say which database it is; "
            "inv db.use chooses where it is try_postgres"
        )
    lease_wait = parse_wait(service, wait)
    title = f"use {mode} for {service.settings.app} in {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        outcome = push(service, hosts, progress, (), lease_wait, database=NAMES[mode])
    if outcome is None:
        return f"on {mode} already, nothing was changed"
    return report.outcome(service, outcome)
