"""The demo: a lab, a first version, then a second one under load, and the count of what was lost."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.fleet import setup as setups
from edgepaas_tasks.lab import lifecycle
from edgepaas_tasks.lab.load import Load
from edgepaas_tasks.release import deploy as deploys
from edgepaas_tasks.release.deploy import Outcome
from edgepaas_tasks.release.request import Request
from edgepaas_tasks.service.service import Service, connect, load_service

ENVIRONMENT = "lab"
PAGE = "guestbook/pages.py"  # what the second version changes, in its own copy of the app
LEAD = 2.0  # seconds of load before the second deploy begins, and after it has ended


def run(c: Any, folder: Path, connections: int) -> str:
    """All of it; the closing lines. Raises Refused when a request was lost."""
    service = load_service(c, ENVIRONMENT)
    with Progress("lab up") as progress, progress.phase("lab") as phase:
        state = lifecycle.up(folder, lifecycle.Wanted(), lambda line: progress.step("lab", line))
        phase.outcome = f"{len(state.hosts)} hosts"
    with (
        Progress("make the host ready") as progress,
        connect(service, observe=progress.step) as found,
    ):
        setups.setup(service, found, progress)
    stamp = time.strftime("%H%M%S", time.gmtime())
    first = _deploy(service, service.settings.build.context, f"demo-{stamp}-one")
    url = _url(service)
    with Load(url, connections=connections) as load:
        time.sleep(LEAD)
        changed = _second_version(Path(service.settings.build.context), folder / "second", stamp)
        second = _deploy(service, str(changed), f"demo-{stamp}-two")
        time.sleep(LEAD)
    return _closing(url, first, second, load)


def _deploy(service: Service, context: str, version: str) -> Outcome:
    build = service.settings.build.model_copy(update={"context": context})
    settings = service.settings.model_copy(update={"build": build})
    this = replace(service, settings=settings)
    title = f"deploy {settings.app} {version} to {settings.environment}"
    with Progress(title) as progress, connect(this, observe=progress.step) as hosts:
        return deploys.deploy(this, hosts, progress, Request(version=version), 0)


def _second_version(context: Path, copy: Path, stamp: str) -> Path:
    """The app with one line of code more: a change as a developer would make it."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(context, copy)
    with (copy / PAGE).open("a", encoding="utf-8") as page:
        page.write(f"\n# The second version of the demo, made at {stamp}.\n")
    return copy


def _url(service: Service) -> str:
    from edgepaas_tasks.service import inventory

    return inventory.addresses(service.settings)[0]


def _closing(url: str, first: Outcome, second: Outcome, load: Load) -> str:
    report = load.report
    one, two = first.release, second.release
    seen = ", ".join(f"release {name}: {item.count}" for name, item in report.releases.items())
    lines = [
        f"{url} is up: {one.version} (release {one.number}) was replaced by "
        f"{two.version} (release {two.number}) under load",
        f"  requests sent {report.sent}, failed {report.failed} ({seen})",
        "  look around:   inv status, inv rollback, inv lab.status (all in .venv/bin)",
        "  take it down:  .venv/bin/inv lab.down",
    ]
    if report.failed or str(two.number) not in report.releases:
        raise Refused("\n".join([*lines, str(report)]))
    return "\n".join(lines)
