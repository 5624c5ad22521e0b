"""What the tasks of the variables call."""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgepaas_tasks.commands.options import parse_wait
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.events.deploy_events import deploy_events
from edgepaas_tasks.report import releases
from edgepaas_tasks.report import variables as report
from edgepaas_tasks.service.service import connect, load_service
from edgepaas_tasks.settings import SettingsError
from edgepaas_tasks.variables import environment


def check(c: Any, env: str, given: Sequence[str]) -> str:
    service = load_service(c, env)
    resolution = environment.collect(service.settings, given)
    if resolution.problems:
        raise Refused("\n".join(str(problem) for problem in resolution.problems))
    return report.checked(service, resolution, environment.inexact(resolution))


def show(c: Any, env: str, given: Sequence[str]) -> str:
    service = load_service(c, env)
    return report.variables(environment.collect(service.settings, given))


def diff(c: Any, env: str, given: Sequence[str], *, json: bool) -> str:
    from edgepaas_tasks.variables.difference import difference

    service = load_service(c, env)
    values = environment.gather(service.settings, given)
    with connect(service) as hosts:
        changes = difference(service, hosts, values)
    if json:
        listed = {name: [one.as_json() for one in each] for name, each in changes.items()}
        return jsons.dumps(listed, indent=2)
    return report.differences(service, changes)


def render(c: Any, env: str, given: Sequence[str], *, output: str) -> str:
    from edgepaas_tasks.console import files

    if not output:
        raise SettingsError("--output FILE: where to write; the values are not printed")
    service = load_service(c, env)
    values = environment.gather(service.settings, given)
    composed = environment.compose(service.settings, values, 0, "rendered")
    files.write(Path(output), composed.text.reveal(), canonical.HEADER, mode=0o600)
    return f"wrote {len(composed.names)} variables to {output}, readable by you alone"


def example(c: Any, env: str, *, output: str) -> str:
    from edgepaas_tasks.console import files

    service = load_service(c, env)
    text = canonical.example(environment.schema(service.settings))
    files.write(Path(output), text.encode(), canonical.EXAMPLE_HEADER, mode=0o644)
    return f"wrote {output}; copy it to .env and fill it in"


def push(c: Any, env: str, given: Sequence[str], *, wait: str) -> str:
    from edgepaas_tasks.release.push import push

    service = load_service(c, env)
    lease_wait = parse_wait(service, wait)
    title = f"push the variables of {service.settings.app} to {service.settings.environment}"
    with (
        Progress(title) as progress,
        connect(service, observe=progress.step) as hosts,
        deploy_events(service, hosts, progress, "env.push", given) as event,
    ):
        event.begin()
        outcome = push(service, hosts, progress, given, lease_wait)
        if outcome is not None:
            event.succeeded(outcome)
    if outcome is None:
        return "every value is live already, nothing was changed"
    return releases.outcome(service, outcome)
