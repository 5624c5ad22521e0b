"""What makes a release live: deploy and rollback."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks.console.task import say, task
from edgepaas_tasks.namespaces.options import (
    DESTRUCTIVE_HELP,
    DRY_RUN_HELP,
    ENV_HELP,
    FALLBACK_HELP,
    SET_HELP,
    WAIT_HELP,
    parse_wait,
    release_number,
)


@task(
    help={
        "env": ENV_HELP,
        "version": "Version to tag and show (default: the image's own; built: BUILD_VERSION, else the commit).",
        "image": "Deploy this image, pulled if need be, instead of building one.",
        "no_cache": "Build every layer anew.",
        "pull": "Look for a newer base image when building.",
        "set_": SET_HELP,
        "wait": WAIT_HELP,
        "allow_destructive": DESTRUCTIVE_HELP,
        "allow_fallback": FALLBACK_HELP,
        "allow_older": "Deploy even if this commit is older than the live one.",
        "dry_run": DRY_RUN_HELP,
    },
    iterable=["set_"],
)
def deploy(
    c: Any,
    env: str = "",
    version: str = "",
    image: str = "",
    no_cache: bool = False,
    pull: bool = False,
    set_: list[str] | None = None,
    wait: str = "",
    allow_destructive: bool = False,
    allow_fallback: bool = False,
    allow_older: bool = False,
    dry_run: bool = False,
) -> None:
    """Build this directory and make it live."""
    from dataclasses import replace

    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.events.deploy_events import deploy_events
    from edgepaas_tasks.release import deploy as deploys
    from edgepaas_tasks.release import dry_run as dry_runs
    from edgepaas_tasks.release.request import Request
    from edgepaas_tasks.report import ci_summary as summary
    from edgepaas_tasks.report import releases as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    lease_wait = parse_wait(service, wait)
    request = Request(
        version=version,
        image=image,
        fresh=no_cache,
        pull=pull,
        given=tuple(set_ or ()),
        allow_destructive=allow_destructive,
        allow_fallback=allow_fallback,
        allow_older=allow_older,
    )
    title = f"deploy {service.settings.app} to {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        if dry_run:
            plan = dry_runs.deploy(service, hosts, progress, request)
            summary.write(summary.planned(service, plan))
            say(report.plan(service, plan))
            return
        with deploy_events(service, hosts, progress, "deploy", request.given) as event:
            planned = event.planned if summary.wanted() else None
            request = replace(request, settled=event.begin, planned=planned)
            outcome = deploys.deploy(service, hosts, progress, request, lease_wait)
            event.succeeded(outcome)
    say(report.outcome(service, outcome))


@task(
    help={
        "env": ENV_HELP,
        "to": "Number of a kept release (default: the good one before the live one).",
        "allow_newer_schema": "Do not ask whether its image fits the database's revision.",
        "allow_fallback": FALLBACK_HELP,
        "wait": WAIT_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def rollback(
    c: Any,
    env: str = "",
    to: str = "",
    wait: str = "",
    allow_newer_schema: bool = False,
    allow_fallback: bool = False,
    dry_run: bool = False,
) -> None:
    """Make an earlier release live again."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.events.deploy_events import deploy_events
    from edgepaas_tasks.release import dry_run as dry_runs
    from edgepaas_tasks.release import rollback as rollbacks
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.report import releases as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    release = release_number("to", to)
    lease_wait = parse_wait(service, wait)
    title = f"roll back {service.settings.app} in {service.settings.environment}"
    if dry_run:
        with Progress(title) as progress, connect(service) as hosts:
            lines = dry_runs.rollback(
                service, hosts, progress, release, allow_fallback=allow_fallback
            )
        say(dry_run_report.lines(lines))
        return
    with (
        Progress(title) as progress,
        connect(service, observe=progress.step) as hosts,
        deploy_events(service, hosts, progress, "rollback") as event,
    ):
        event.begin()
        asked = rollbacks.Back(release, allow_newer_schema, allow_fallback)
        outcome = rollbacks.rollback(service, hosts, progress, asked, lease_wait)
        event.succeeded(outcome)
    say(report.outcome(service, outcome))
