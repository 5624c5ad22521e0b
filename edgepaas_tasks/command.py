"""What each task calls: settings and hosts opened, the work done, the answer as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgepaas_tasks import deploy as deploys
from edgepaas_tasks import environment, rehearsal, report
from edgepaas_tasks import flip as flips
from edgepaas_tasks import rollback as rollbacks
from edgepaas_tasks import setup as setups
from edgepaas_tasks import status as statuses
from edgepaas_tasks.boundary import Refused
from edgepaas_tasks.progress import Progress
from edgepaas_tasks.request import Request
from edgepaas_tasks.service import Service, hosts, service
from edgepaas_tasks.settings import SettingsError
from edgepaas_tasks.status import HostStatus


def number(option: str, text: str, *, least: float = 0, whole: bool = True) -> float:
    """An option's number; Invoke would end in a traceback on a wrong one."""
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = least - 1
    if value < least:
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"--{option} {text!r}: expected {kind} from {least:g}")
    return value


def deploy(c: Any, env: str, request: Request, *, wait: str, dry_run: bool) -> str:
    of = service(c, env)
    patience = _wait(of, wait)
    title = f"deploy {of.settings.app} to {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        if dry_run:
            plan = rehearsal.rehearse(of, found, progress, request)
            return report.plan(of, plan)
        outcome = deploys.deploy(of, found, progress, request, patience)
    return report.outcome(of, outcome)


def rollback(c: Any, env: str, *, to: str, wait: str) -> str:
    of = service(c, env)
    release = int(number("to", to, least=1)) if to else None
    patience = _wait(of, wait)
    title = f"roll back {of.settings.app} in {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        outcome = rollbacks.rollback(of, found, progress, release, patience)
    return report.outcome(of, outcome)


def status(c: Any, env: str) -> tuple[Service, Sequence[HostStatus]]:
    of = service(c, env)
    with hosts(of) as found:
        return of, statuses.status(of, found)


def setup(c: Any, env: str, *, dry_run: bool) -> str:
    of = service(c, env)
    title = f"set up the hosts of {of.settings.environment}"
    with Progress(title) as progress:
        told: list[str] = []

        def observe(host: str, line: str) -> None:
            progress.step(host, line)
            if dry_run:
                told.append(f"[{host}] {line}")

        with hosts(of, dry_run=dry_run, observe=observe) as found:
            changed = setups.setup(of, found, progress)
    return "\n".join(told) if dry_run else report.setup(of, changed)


def flip(c: Any, env: str, *, slot: str, wait: str) -> str:
    of = service(c, env)
    if slot not in ("", "blue", "green"):
        raise SettingsError(f"--slot {slot}: expected blue or green")
    patience = _wait(of, wait)
    with (
        Progress(f"flip {of.settings.service}") as progress,
        hosts(of, observe=progress.step) as found,
    ):
        return report.flipped(flips.flip(of, found, progress, slot, patience))


def env_check(c: Any, env: str, given: Sequence[str]) -> str:
    of = service(c, env)
    resolution = environment.collect(of.settings, given)
    if resolution.problems:
        raise Refused("\n".join(str(problem) for problem in resolution.problems))
    return report.checked(of, resolution)


def env_show(c: Any, env: str, given: Sequence[str]) -> str:
    of = service(c, env)
    return report.variables(environment.collect(of.settings, given))


def lab_up(folder: str, count: str) -> str:
    from edgepaas_tasks.lab import lifecycle

    wanted = int(number("hosts", count, least=1))
    with Progress("lab up") as progress, progress.phase("lab") as phase:
        state = lifecycle.up(Path(folder), wanted, lambda line: progress.step("lab", line))
        phase.outcome = f"{len(state.hosts)} hosts"
    return report.lab(lab_status(folder))


def lab_status(folder: str) -> dict[str, Any]:
    from edgepaas_tasks.lab import lifecycle

    return lifecycle.status(Path(folder))


def lab_down(folder: str, *, images: bool) -> str:
    from edgepaas_tasks.lab import lifecycle

    said: list[str] = []
    lifecycle.down(Path(folder), said.append, with_images=images)
    return "\n".join(said) or "there was no lab"


def lab_demo(c: Any, folder: str, connections: str) -> str:
    from edgepaas_tasks import demo

    return demo.run(c, Path(folder), int(number("connections", connections, least=1)))


def _wait(of: Service, text: str) -> float:
    return number("wait", text, whole=False) if text else of.settings.lease.wait
