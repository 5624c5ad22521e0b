"""What a deploy came to, for GitHub's page of the run: appended to the file that $GITHUB_STEP_SUMMARY names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgepaas_tasks.console import markdown
from edgepaas_tasks.console.progress import Phase
from edgepaas_tasks.console.task import redactor
from edgepaas_tasks.fleet.status import HostStatus
from edgepaas_tasks.release.deploy import Outcome
from edgepaas_tasks.release.plan import Plan
from edgepaas_tasks.report import releases as report
from edgepaas_tasks.service.service import Service


def wanted() -> bool:
    """Whether this CI has a summary page."""
    return bool(os.environ.get("GITHUB_STEP_SUMMARY"))


def write(text: str) -> None:
    """Append to the summary page, if this CI has one. Raises OSError when it cannot be written."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(redactor()(text) + "\n")


def planned(service: Service, plan: Plan) -> str:
    """A dry run."""
    settings = service.settings
    title = f"### {settings.app} in {settings.environment}: plan\n\n"
    return title + markdown.block(report.plan(service, plan))


def intended(service: Service, plan: Plan) -> str:
    """What a deploy is about to do."""
    settings, image = service.settings, f", image {plan.image}" if plan.image else ""
    rows = [
        (host, _from(plan, host), f"release {plan.number} in {slot}", _changes(plan, host))
        for host, slot in plan.slots.items()
    ]
    return (
        f"### {settings.app} in {settings.environment}: plan\n\n"
        f"version {plan.version} as release {plan.number}{image}\n\n"
        + markdown.table(("host", "from", "to", "variables"), rows)
    )


def succeeded(service: Service, outcome: Outcome, phases: Sequence[Phase]) -> str:
    settings, release = service.settings, outcome.release
    verb = report.VERBS[outcome.action]
    rows = [
        (host, release.number, slot, _before(outcome, host), outcome.execs[host])
        for host, slot in outcome.slots.items()
    ]
    return "\n".join(
        [
            f"### ✅ {settings.app} in {settings.environment}: {verb} {release.version} "
            f"as release {release.number}\n",
            markdown.table(("host", "release", "slot", "before", "round trips"), rows),
            phases_of(phases),
        ]
    )


def failed(title: str, error: str, found: Sequence[HostStatus], phases: Sequence[Phase]) -> str:
    parts = [f"### ❌ {title}\n", markdown.block(error), serving(found), phases_of(phases)]
    return "\n".join(part for part in parts if part)


def phases_of(phases: Sequence[Phase]) -> str:
    """Each phase with its seconds and what it came to."""
    rows = [
        (one.name, f"{one.seconds or 0.0:.1f}", "failed" if one.failed else one.outcome)
        for one in phases
    ]
    return markdown.table(("phase", "seconds", ""), rows) if rows else ""


def serving(found: Sequence[HostStatus]) -> str:
    """What each host serves now."""
    rows = []
    for one in found:
        if one.error:
            rows.append((one.host, "not known", "", one.error.splitlines()[0], ""))
            continue
        health = f"{one.health_status} in {one.health_seconds:.3f} s"
        public = f"{one.public_status}, release {one.public_release}"
        serves = f"release {one.release} ({one.version})" if one.slot else "nothing"
        rows.append((one.host, serves, one.slot, health, public))
    head = ("host", "serves", "slot", "its own answer", "through nginx")
    return markdown.table(head, rows) if rows else ""


def _before(outcome: Outcome, host: str) -> str:
    live = outcome.before[host]
    return f"release {live.release} in {live.slot}" if live.slot else "nothing"


def _from(plan: Plan, host: str) -> str:
    live = plan.before[host]
    version = f" ({plan.live[host]})" if host in plan.live else ""
    return f"release {live.release}{version} in {live.slot}" if live.slot else "nothing"


def _changes(plan: Plan, host: str) -> str:
    """The changed variables by name; values are never shown."""
    if host not in plan.changes:
        return "not known"
    names: dict[str, list[str]] = {}
    for one in plan.changes[host]:
        names.setdefault(one.kind, []).append(one.name)
    return "; ".join(f"{kind}: {', '.join(each)}" for kind, each in names.items()) or "no change"
