"""What the daily verbs, and the parts of setup, call.

Each imports its own: a command that loads what the others need would start by a quarter later.
"""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.commands.options import number, parse_wait
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused, say
from edgepaas_tasks.service.service import Service, connect, load_service
from edgepaas_tasks.settings import SettingsError

if TYPE_CHECKING:
    from edgepaas_tasks.fleet.setup import Part
    from edgepaas_tasks.fleet.status import HostStatus
    from edgepaas_tasks.release.request import Request


def deploy(c: Any, env: str, request: Request, *, wait: str, dry_run: bool) -> str:
    from edgepaas_tasks.events.deploy_events import deploy_events
    from edgepaas_tasks.release import deploy as deploys
    from edgepaas_tasks.release import dry_run as rehearsal
    from edgepaas_tasks.report import ci_summary as summary
    from edgepaas_tasks.report import releases as report

    service = load_service(c, env)
    lease_wait = parse_wait(service, wait)
    title = f"deploy {service.settings.app} to {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        if dry_run:
            plan = rehearsal.rehearse(service, hosts, progress, request)
            summary.write(summary.planned(service, plan))
            return report.plan(service, plan)
        with deploy_events(service, hosts, progress, "deploy", request.given) as event:
            planned = event.planned if summary.wanted() else None
            asked = replace(request, settled=event.begin, planned=planned)
            outcome = deploys.deploy(service, hosts, progress, asked, lease_wait)
            event.succeeded(outcome)
    return report.outcome(service, outcome)


def rollback(
    c: Any, env: str, *, to: str, wait: str, allow_newer_schema: bool, allow_fallback: bool
) -> str:
    from edgepaas_tasks.events.deploy_events import deploy_events
    from edgepaas_tasks.release import rollback as rollbacks
    from edgepaas_tasks.report import releases as report

    service = load_service(c, env)
    release = int(number("to", to, least=1)) if to else None
    lease_wait = parse_wait(service, wait)
    title = f"roll back {service.settings.app} in {service.settings.environment}"
    with (
        Progress(title) as progress,
        connect(service, observe=progress.step) as hosts,
        deploy_events(service, hosts, progress, "rollback") as event,
    ):
        event.begin()
        outcome = rollbacks.rollback(
            service,
            hosts,
            progress,
            release,
            lease_wait,
            allow_newer_schema=allow_newer_schema,
            allow_fallback=allow_fallback,
        )
        event.succeeded(outcome)
    return report.outcome(service, outcome)


def status(c: Any, env: str) -> tuple[Service, Sequence[HostStatus]]:
    from edgepaas_tasks.fleet import status as statuses

    service = load_service(c, env)
    with connect(service) as hosts:
        return service, statuses.status(service, hosts)


def preflight(c: Any, env: str, *, json: bool) -> None:
    """Prints the checks. Raises Refused when one of them is a blocker."""
    from edgepaas_tasks.fleet import preflight as doctor
    from edgepaas_tasks.report import readiness as report
    from edgepaas_tasks.service import readiness

    service = load_service(c, env)
    with connect(service) as hosts:
        checks = doctor.preflight(service, hosts)
    blockers = sum(check.verdict == readiness.BLOCKER for check in checks)
    if json:
        listed = [check.as_json() for check in checks]
        say(jsons.dumps({"ok": not blockers, "checks": listed}, indent=2))
    else:
        say(report.checks(checks))
    if blockers:
        raise Refused(f"a deploy to {service.settings.environment} would fail: {blockers} blockers")


def setup(c: Any, env: str, *, dry_run: bool = False, parts: Sequence[Part] | None = None) -> str:
    """All parts, unless some are given."""
    from edgepaas_tasks.fleet import setup as setups
    from edgepaas_tasks.report import fleet as report

    service = load_service(c, env)
    title = f"set up the hosts of {service.settings.environment}"
    with Progress(title) as progress:
        told: list[str] = []

        def observe(host: str, line: str) -> None:
            progress.step(host, line)
            if dry_run:
                told.append(f"[{host}] {line}")

        with connect(service, dry_run=dry_run, observe=observe) as found:
            changed = setups.setup(service, found, progress, parts or setups.EVERYTHING)
    return "\n".join(told) if dry_run else report.setup(service, changed)


def flip(c: Any, env: str, *, slot: str, wait: str) -> str:
    from edgepaas_tasks.release import flip as flips
    from edgepaas_tasks.report import releases as report

    service = load_service(c, env)
    if slot not in ("", "blue", "green"):
        raise SettingsError(f"--slot {slot}: expected blue or green")
    lease_wait = parse_wait(service, wait)
    with (
        Progress(f"flip {service.settings.service}") as progress,
        connect(service, observe=progress.step) as hosts,
    ):
        return report.flipped(flips.flip(service, hosts, progress, slot, lease_wait))
