"""What the daily verbs, and the parts of setup, call.

Each imports its own: a command that loads what the others need would start by a quarter later.
"""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.commands.options import number, patience_of
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused, say
from edgepaas_tasks.service.service import Service, hosts, service
from edgepaas_tasks.settings import SettingsError

if TYPE_CHECKING:
    from edgepaas_tasks.fleet.setup import Part
    from edgepaas_tasks.fleet.status import HostStatus
    from edgepaas_tasks.release.request import Request


def deploy(c: Any, env: str, request: Request, *, wait: str, dry_run: bool) -> str:
    from edgepaas_tasks.events.deploy_events import occasion
    from edgepaas_tasks.release import deploy as deploys
    from edgepaas_tasks.release import dry_run as rehearsal
    from edgepaas_tasks.report import ci_summary as summary
    from edgepaas_tasks.report import releases as report

    of = service(c, env)
    patience = patience_of(of, wait)
    title = f"deploy {of.settings.app} to {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        if dry_run:
            plan = rehearsal.rehearse(of, found, progress, request)
            summary.write(summary.planned(of, plan))
            return report.plan(of, plan)
        with occasion(of, found, progress, "deploy", request.given) as event:
            planned = event.planned if summary.wanted() else None
            asked = replace(request, settled=event.begin, planned=planned)
            outcome = deploys.deploy(of, found, progress, asked, patience)
            event.succeeded(outcome)
    return report.outcome(of, outcome)


def rollback(
    c: Any, env: str, *, to: str, wait: str, allow_newer_schema: bool, allow_fallback: bool
) -> str:
    from edgepaas_tasks.events.deploy_events import occasion
    from edgepaas_tasks.release import rollback as rollbacks
    from edgepaas_tasks.report import releases as report

    of = service(c, env)
    release = int(number("to", to, least=1)) if to else None
    patience = patience_of(of, wait)
    title = f"roll back {of.settings.app} in {of.settings.environment}"
    with (
        Progress(title) as progress,
        hosts(of, observe=progress.step) as found,
        occasion(of, found, progress, "rollback") as event,
    ):
        event.begin()
        outcome = rollbacks.rollback(
            of,
            found,
            progress,
            release,
            patience,
            allow_newer_schema=allow_newer_schema,
            allow_fallback=allow_fallback,
        )
        event.succeeded(outcome)
    return report.outcome(of, outcome)


def status(c: Any, env: str) -> tuple[Service, Sequence[HostStatus]]:
    from edgepaas_tasks.fleet import status as statuses

    of = service(c, env)
    with hosts(of) as found:
        return of, statuses.status(of, found)


def preflight(c: Any, env: str, *, json: bool) -> None:
    """Prints the checks. Raises Refused when one of them is a blocker."""
    from edgepaas_tasks.fleet import preflight as doctor
    from edgepaas_tasks.report import readiness as report
    from edgepaas_tasks.service import readiness

    of = service(c, env)
    with hosts(of) as found:
        checks = doctor.preflight(of, found)
    blockers = sum(check.verdict == readiness.BLOCKER for check in checks)
    if json:
        listed = [check.as_json() for check in checks]
        say(jsons.dumps({"ok": not blockers, "checks": listed}, indent=2))
    else:
        say(report.checks(checks))
    if blockers:
        raise Refused(f"a deploy to {of.settings.environment} would fail: {blockers} blockers")


def setup(c: Any, env: str, *, dry_run: bool = False, parts: Sequence[Part] | None = None) -> str:
    """All parts, unless some are given."""
    from edgepaas_tasks.fleet import setup as setups
    from edgepaas_tasks.report import fleet as report

    of = service(c, env)
    title = f"set up the hosts of {of.settings.environment}"
    with Progress(title) as progress:
        told: list[str] = []

        def observe(host: str, line: str) -> None:
            progress.step(host, line)
            if dry_run:
                told.append(f"[{host}] {line}")

        with hosts(of, dry_run=dry_run, observe=observe) as found:
            changed = setups.setup(of, found, progress, parts or setups.EVERYTHING)
    return "\n".join(told) if dry_run else report.setup(of, changed)


def flip(c: Any, env: str, *, slot: str, wait: str) -> str:
    from edgepaas_tasks.release import flip as flips
    from edgepaas_tasks.report import releases as report

    of = service(c, env)
    if slot not in ("", "blue", "green"):
        raise SettingsError(f"--slot {slot}: expected blue or green")
    patience = patience_of(of, wait)
    with (
        Progress(f"flip {of.settings.service}") as progress,
        hosts(of, observe=progress.step) as found,
    ):
        return report.flipped(flips.flip(of, found, progress, slot, patience))
