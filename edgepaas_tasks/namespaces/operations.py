"""Looking after a service between two deploys: logs, exec, the maintenance page."""

from __future__ import annotations

from typing import Any

from invoke import Exit

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import DRY_RUN_HELP, ENV_HELP, JSON_HELP, number


@task(
    help={
        "env": ENV_HELP,
        "on": "Put the maintenance page up.",
        "off": "Take it down.",
        "json": JSON_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def maintenance(
    c: Any,
    env: str = "",
    on: bool = False,
    off: bool = False,
    json: bool = False,
    dry_run: bool = False,
) -> None:
    """Show a maintenance page, or whether it is up."""
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.fleet import maintenance as pages
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.report import fleet as report
    from edgepaas_tasks.service.service import connect, load_service

    if on and off:
        raise SettingsError("--on and --off: choose one")
    service = load_service(c, env)
    with connect(service) as hosts:
        changes = (on or off) and not dry_run
        found = pages.switch(service, hosts, on=on) if changes else pages.look(service, hosts)
    if (on or off) and dry_run:
        would = "would put the page up" if on else "would take the page down"
        differ = {one.host: [] if bool(one.since) == on else [would] for one in found}
        say(dry_run_report.lines(differ))
        return
    answer(report.maintenance, report.maintenance_json, service, found, json=json)


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
    from contextlib import suppress

    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.fleet import exec as inside
    from edgepaas_tasks.fleet import logs as app_logs
    from edgepaas_tasks.service import inventory
    from edgepaas_tasks.service.service import connect, load_service

    if slot not in app_logs.WHICH:
        raise SettingsError(f"--slot {slot}: expected {', '.join(app_logs.WHICH)}")
    count = lines if lines == "all" else str(int(number("lines", lines)))
    begin = app_logs.since_of(since)
    service = load_service(c, env)
    many = not host and len(inventory.targets(service.settings)) > 1
    printer = app_logs.Printer(hosts=many, slots=slot == "both")
    with connect(service, observe=printer.follow if follow else None) as hosts:
        asked = [inside.choose(hosts, host)] if host else hosts
        if not follow:
            printer.show(app_logs.read(service, asked, slot, count, begin))
            return
        # Interrupted while following, it ends as asked.
        with suppress(KeyboardInterrupt):
            app_logs.follow(service, asked, slot, count, begin)


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
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.fleet import exec as inside
    from edgepaas_tasks.service.service import connect, load_service

    if not command.strip():
        raise SettingsError("exec: give one command, quoted as one word")
    service = load_service(c, env)
    with connect(service, observe=inside.show) as hosts:
        code = inside.run(service, inside.choose(hosts, host), command)
    if code:
        raise Exit(code=code)
