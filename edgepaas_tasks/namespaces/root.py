"""The daily verbs."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Exit

from edgepaas_tasks.console.task import ENV_HELP, JSON_HELP, SET_HELP, WAIT_HELP, say, task


@task(
    help={
        "env": ENV_HELP,
        "version": "Version to tag and show (default: the image's own; built: BUILD_VERSION, else the commit).",
        "image": "Deploy this image, pulled if need be, instead of building one.",
        "no_cache": "Build every layer anew.",
        "pull": "Look for a newer base image when building.",
        "set_": SET_HELP,
        "wait": WAIT_HELP,
        "allow_destructive": "Run migrations that drop, rename or change what there is.",
        "allow_fallback": "Go to SQLite, though the live release is on Postgres.",
        "force_older": "Also when git knows this commit as an ancestor of the live one.",
        "dry_run": "Look at the hosts and say what would happen; change nothing.",
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
    force_older: bool = False,
    dry_run: bool = False,
) -> None:
    """Build this directory and make it live."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.release.request import Request

    given = tuple(set_ or ())
    allowed = (allow_destructive, allow_fallback, force_older)
    request = Request(version, image, no_cache, pull, given, *allowed)
    say(commands.deploy(c, env, request, wait=wait, dry_run=dry_run))


@task(
    help={
        "env": ENV_HELP,
        "to": "Number of a kept release (default: the good one before the live one).",
        "allow_newer_schema": "Do not ask whether its image fits the database's revision.",
        "allow_fallback": "Go to SQLite, though the live release is on Postgres.",
        "wait": WAIT_HELP,
    }
)
def rollback(
    c: Any,
    env: str = "",
    to: str = "",
    wait: str = "",
    allow_newer_schema: bool = False,
    allow_fallback: bool = False,
) -> None:
    """Make an earlier release live again."""
    from edgepaas_tasks.commands import root as commands

    allowed = {"allow_newer_schema": allow_newer_schema, "allow_fallback": allow_fallback}
    say(commands.rollback(c, env, to=to, wait=wait, **allowed))


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show what is live where, and how it is."""
    from edgepaas_tasks.commands import root as commands
    from edgepaas_tasks.fleet.status import as_json
    from edgepaas_tasks.report import fleet as report

    service, found = commands.status(c, env)
    say(jsons.dumps(as_json(service, found), indent=2) if json else report.status(service, found))


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def releases(c: Any, env: str = "", json: bool = False) -> None:
    """Show what was released, when, by whom, and its result."""
    from edgepaas_tasks.commands import releases as commands
    from edgepaas_tasks.fleet import journal as ledger

    service, found = commands.read(c, env)
    listed = ledger.as_json(service, found)
    say(jsons.dumps(listed, indent=2) if json else ledger.text(found))


@task(
    help={
        "env": ENV_HELP,
        "dry_run": "Look at the hosts and say what would be run; change nothing.",
    }
)
def setup(c: Any, env: str = "", dry_run: bool = False) -> None:
    """Make bare hosts ready: Docker, nginx, directories."""
    from edgepaas_tasks.commands import root as commands

    say(commands.setup(c, env, dry_run=dry_run))


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def preflight(c: Any, env: str = "", json: bool = False) -> None:
    """Check whether a deploy would work; change nothing."""
    from edgepaas_tasks.commands import root as commands

    commands.preflight(c, env, json=json)


@task(
    help={
        "env": ENV_HELP,
        "on": "Put the maintenance page up.",
        "off": "Take it down.",
        "json": JSON_HELP,
    }
)
def maintenance(
    c: Any, env: str = "", on: bool = False, off: bool = False, json: bool = False
) -> None:
    """Show a maintenance page, or whether it is up."""
    from edgepaas_tasks.commands import operations

    say(operations.maintenance(c, env, on=on, off=off, json=json))


@task(
    help={
        "app": "The app's name (default: the directory's).",
        "host": "Address of the host of prod (default: EC2 instances, by a tag).",
        "tag": "Value of the tag Name of prod's instances (default: <app>-prod).",
        "region": "Their AWS region (default: the environment's).",
        "user": "Login user of prod's hosts.",
        "folder": "The project.",
    }
)
def init(
    c: Any,
    app: str = "",
    host: str = "",
    tag: str = "",
    region: str = "",
    user: str = "ec2-user",
    folder: str = ".",
) -> None:
    """Write what a project lacks to be deployed."""
    from edgepaas_tasks.commands import init as commands

    say(commands.init(app, host, tag, region, user, folder))


@task(
    help={
        "env": ENV_HELP,
        "slot": "live, previous or both.",
        "host": "Name of one host (default: all).",
        "lines": "Last lines of each container, or all.",
        "since": "90s, 10m, 2h, 3d ago, or a moment like 2026-01-31T12:00:00Z.",
        "follow": "Go on with what is written, until interrupted.",
    }
)
def logs(
    c: Any,
    env: str = "",
    slot: str = "live",
    host: str = "",
    lines: str = "100",
    since: str = "",
    follow: bool = False,
) -> None:
    """Show what the app has written."""
    from edgepaas_tasks.commands import operations

    operations.logs(c, env, slot=slot, host=host, lines=lines, since=since, follow=follow)


@task(
    name="exec",
    help={
        "command": "The command, quoted as one word.",
        "env": ENV_HELP,
        "host": "Name of the host (default: the first).",
    },
)
def execute(c: Any, command: str, env: str = "", host: str = "") -> None:
    """Run a command inside the live container."""
    from edgepaas_tasks.commands import operations

    if code := operations.execute(c, env, command=command, host=host):
        raise Exit(code=code)


TASKS = (
    *(deploy, rollback, status, releases, setup, preflight),
    *(logs, execute, maintenance, init),
)
