"""The app's variables: checked, shown, compared with what is live, and made live."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import (
    DRY_RUN_HELP,
    ENV_HELP,
    JSON_HELP,
    SET_HELP,
    WAIT_HELP,
    parse_wait,
)


@task(help={"env": ENV_HELP, "set_": SET_HELP, "json": JSON_HELP}, iterable=["set_"])
def check(c: Any, env: str = "", set_: list[str] | None = None, json: bool = False) -> None:
    """Check every variable; all mistakes at once."""
    from edgepaas_tasks.report import variables as report
    from edgepaas_tasks.service.service import load_service
    from edgepaas_tasks.variables import environment

    service = load_service(c, env)
    resolution = environment.collect(service.settings, set_ or ())
    inexact = environment.inexact(resolution)
    if json:
        answer(report.checked, report.checked_json, service, resolution, inexact, json=json)
    environment.require(service.settings, resolution)
    if not json:
        say(report.checked(service, resolution, inexact))


@task(help={"env": ENV_HELP, "set_": SET_HELP, "json": JSON_HELP}, iterable=["set_"])
def show(c: Any, env: str = "", set_: list[str] | None = None, json: bool = False) -> None:
    """Show every variable and where its value is from."""
    from edgepaas_tasks.report import variables as report
    from edgepaas_tasks.service.service import load_service
    from edgepaas_tasks.variables import environment

    settings = load_service(c, env).settings
    resolution = environment.collect(settings, set_ or ())
    got = {} if resolution.problems else environment.handed_on(settings, resolution)
    answer(report.variables, report.variables_json, resolution, got, json=json)


@task(help={"env": ENV_HELP, "set_": SET_HELP, "json": JSON_HELP}, iterable=["set_"])
def diff(c: Any, env: str = "", set_: list[str] | None = None, json: bool = False) -> None:
    """Compare the variables with what is live, by name."""
    from edgepaas_tasks.report import variables as report
    from edgepaas_tasks.service.service import connect, load_service
    from edgepaas_tasks.variables import environment
    from edgepaas_tasks.variables.difference import difference

    service = load_service(c, env)
    values = environment.gather(service.settings, set_ or ())
    with connect(service) as hosts:
        changes = difference(service, hosts, values)
    answer(report.differences, report.differences_json, service, changes, json=json)


@task(
    help={"env": ENV_HELP, "set_": SET_HELP, "output": "The file to write, for you alone (0600)."},
    iterable=["set_"],
)
def render(c: Any, env: str = "", set_: list[str] | None = None, output: str = "") -> None:
    """Write the canonical file, as a release would have it."""
    from edgepaas_tasks.console import files, places
    from edgepaas_tasks.env.values import canonical
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.service.service import load_service
    from edgepaas_tasks.variables import environment

    if not output:
        raise SettingsError("--output FILE: where to write; the values are not printed")
    service = load_service(c, env)
    values = environment.gather(service.settings, set_ or ())
    composed = environment.compose(service.settings, values, 0, "rendered")
    files.write(places.given(output), composed.text.reveal(), canonical.HEADER, mode=0o600)
    say(f"wrote {len(composed.names)} variables to {output}, readable by you alone")


@task(
    help={"env": ENV_HELP, "set_": SET_HELP, "wait": WAIT_HELP, "dry_run": DRY_RUN_HELP},
    iterable=["set_"],
)
def push(
    c: Any, env: str = "", set_: list[str] | None = None, wait: str = "", dry_run: bool = False
) -> None:
    """Make the variables live: a release with the same image."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.events.deploy_events import deploy_events
    from edgepaas_tasks.release.push import push
    from edgepaas_tasks.report import releases as report
    from edgepaas_tasks.report import variables
    from edgepaas_tasks.service.service import connect, load_service
    from edgepaas_tasks.variables import environment
    from edgepaas_tasks.variables.difference import difference

    given = tuple(set_ or ())
    service = load_service(c, env)
    if dry_run:
        values = environment.gather(service.settings, given)
        with connect(service) as hosts:
            changes = difference(service, hosts, values)
        say(f"{variables.differences(service, changes)}\nnothing was changed")
        return
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
        say("every value is live already, nothing was changed")
    else:
        say(report.outcome(service, outcome))


@task(help={"env": ENV_HELP, "output": "The file to write."})
def example(c: Any, env: str = "", output: str = ".env.example") -> None:
    """Write .env.example from what is declared."""
    from edgepaas_tasks.console import files, places
    from edgepaas_tasks.env.values import canonical
    from edgepaas_tasks.service.service import load_service
    from edgepaas_tasks.variables import environment

    text = canonical.example(environment.schema(load_service(c, env).settings))
    files.write(places.given(output), text.encode(), canonical.EXAMPLE_HEADER, mode=0o644)
    say(f"wrote {output}; copy it to .env and fill it in")


ns = Collection("env")
ns.add_task(show, default=True)
ns.add_task(check)
ns.add_task(diff)
ns.add_task(render)
ns.add_task(push)
ns.add_task(example)
