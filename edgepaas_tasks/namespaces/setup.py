"""Making hosts ready, and checking whether a deploy would work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.namespaces.options import DRY_RUN_HELP, ENV_HELP, JSON_HELP

if TYPE_CHECKING:
    from edgepaas_tasks.fleet.setup import Part


@task(help={"env": ENV_HELP, "dry_run": DRY_RUN_HELP})
def setup(c: Any, env: str = "", dry_run: bool = False) -> None:
    """Make bare hosts ready: Docker, nginx, directories."""
    say(set_up(c, env, dry_run=dry_run))


@task(
    help={
        "env": ENV_HELP,
        "image": "For a deploy of this image, which builds nothing.",
        "json": JSON_HELP,
    }
)
def preflight(c: Any, env: str = "", image: str = "", json: bool = False) -> None:
    """Check whether a deploy would work; change nothing."""
    from edgepaas_tasks.fleet import preflight as doctor
    from edgepaas_tasks.report import readiness as report
    from edgepaas_tasks.service.readiness import BLOCKER
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    with connect(service) as hosts:
        checks = doctor.preflight(service, hosts, builds=not image)
    answer(report.checks, report.checks_json, checks, json=json)
    blockers = sum(check.verdict == BLOCKER for check in checks)
    if blockers:
        raise Refused(f"a deploy to {service.settings.environment} would fail: {blockers} blockers")


def set_up(c: Any, env: str, *, dry_run: bool = False, parts: Sequence[Part] | None = None) -> str:
    """Set up the hosts: all parts, unless some are given. Returns the answer as text."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.fleet import setup as setups
    from edgepaas_tasks.report import fleet as report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    title = f"set up the hosts of {service.settings.environment}"
    with Progress(title) as progress:
        told: list[str] = []

        def observe(host: str, line: str) -> None:
            progress.step(host, line)
            if dry_run:
                told.append(f"[{host}] {line}")

        with connect(service, dry_run=dry_run, observe=observe) as hosts:
            changed = setups.setup(service, hosts, progress, parts or setups.EVERYTHING)
    return "\n".join(told) if dry_run else report.setup(service, changed)
