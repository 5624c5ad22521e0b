"""What the tasks of the variables call."""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgepaas_tasks.commands.options import patience_of
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.events.deploy_events import occasion
from edgepaas_tasks.report import releases
from edgepaas_tasks.report import variables as report
from edgepaas_tasks.service.service import hosts, service
from edgepaas_tasks.settings import SettingsError
from edgepaas_tasks.variables import environment


def check(c: Any, env: str, given: Sequence[str]) -> str:
    of = service(c, env)
    resolution = environment.collect(of.settings, given)
    if resolution.problems:
        raise Refused("\n".join(str(problem) for problem in resolution.problems))
    return report.checked(of, resolution, environment.inexact(resolution))


def show(c: Any, env: str, given: Sequence[str]) -> str:
    of = service(c, env)
    return report.variables(environment.collect(of.settings, given))


def diff(c: Any, env: str, given: Sequence[str], *, json: bool) -> str:
    from edgepaas_tasks.variables.difference import difference

    of = service(c, env)
    values = environment.gather(of.settings, given)
    with hosts(of) as found:
        changes = difference(of, found, values)
    if json:
        listed = {name: [one.as_json() for one in each] for name, each in changes.items()}
        return jsons.dumps(listed, indent=2)
    return report.differences(of, changes)


def render(c: Any, env: str, given: Sequence[str], *, output: str) -> str:
    from edgepaas_tasks.console import files

    if not output:
        raise SettingsError("--output FILE: where to write; the values are not printed")
    of = service(c, env)
    values = environment.gather(of.settings, given)
    composed = environment.compose(of.settings, values, 0, "rendered")
    files.write(Path(output), composed.text.reveal(), canonical.HEADER, mode=0o600)
    return f"wrote {len(composed.names)} variables to {output}, readable by you alone"


def example(c: Any, env: str, *, output: str) -> str:
    from edgepaas_tasks.console import files

    of = service(c, env)
    text = canonical.example(environment.schema(of.settings))
    files.write(Path(output), text.encode(), canonical.EXAMPLE_HEADER, mode=0o644)
    return f"wrote {output}; copy it to .env and fill it in"


def push(c: Any, env: str, given: Sequence[str], *, wait: str) -> str:
    from edgepaas_tasks.release.push import push

    of = service(c, env)
    patience = patience_of(of, wait)
    title = f"push the variables of {of.settings.app} to {of.settings.environment}"
    with (
        Progress(title) as progress,
        hosts(of, observe=progress.step) as found,
        occasion(of, found, progress, "env.push", given) as event,
    ):
        event.begin()
        outcome = push(of, found, progress, given, patience)
        if outcome is not None:
            event.succeeded(outcome)
    if outcome is None:
        return "every value is live already, nothing was changed"
    return releases.outcome(of, outcome)
