"""The proxy in front of the app."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import (
    DRY_RUN_HELP,
    ENV_HELP,
    JSON_HELP,
    WAIT_HELP,
    parse_wait,
)


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show which slot nginx routes to on each host."""
    from edgepaas_tasks.namespaces.status import query_status
    from edgepaas_tasks.report import fleet as report

    answer(report.routes, report.routes_json, *query_status(c, env), json=json)


@task(
    help={
        "env": ENV_HELP,
        "slot": "blue or green (default: the one that is not live).",
        "wait": WAIT_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def flip(c: Any, env: str = "", slot: str = "", wait: str = "", dry_run: bool = False) -> None:
    """Move traffic to the other slot, if it is healthy."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.release import dry_run as dry_runs
    from edgepaas_tasks.release import flip as flips
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.report import releases as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    if slot not in ("", "blue", "green"):
        raise SettingsError(f"--slot {slot}: expected blue or green")
    lease_wait = parse_wait(service, wait)
    with (
        Progress(f"flip {service.settings.service}") as progress,
        connect(service, observe=progress.step) as hosts,
    ):
        if dry_run:
            say(dry_run_report.lines(dry_runs.flip(service, hosts, progress, slot)))
            return
        flipped = flips.flip(service, hosts, progress, slot, lease_wait)
    say(report.flipped(flipped))


@task(help={"env": ENV_HELP, "dry_run": DRY_RUN_HELP})
def install(c: Any, env: str = "", dry_run: bool = False) -> None:
    """Install nginx and take its default site away."""
    from edgepaas_tasks.fleet import setup
    from edgepaas_tasks.namespaces.setup import set_up

    parts = (setup.tools, setup.directories, setup.proxy)
    say(set_up(c, env, dry_run=dry_run, parts=parts))


@task(help={"env": ENV_HELP, "dry_run": DRY_RUN_HELP})
def configure(c: Any, env: str = "", dry_run: bool = False) -> None:
    """Write our site, tested before it replaces the good one."""
    from edgepaas_tasks.fleet import setup
    from edgepaas_tasks.namespaces.setup import set_up

    say(set_up(c, env, dry_run=dry_run, parts=(setup.directories, setup.site)))


ns = Collection("nginx")
ns.add_task(status, default=True)
ns.add_task(flip)
ns.add_task(install)
ns.add_task(configure)
