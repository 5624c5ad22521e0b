"""What the tasks call that look after a service between two deploys."""

from __future__ import annotations

import json as jsons
from contextlib import suppress
from typing import Any

from edgepaas_tasks.commands.options import number
from edgepaas_tasks.fleet import exec as inside
from edgepaas_tasks.fleet import logs as app_logs
from edgepaas_tasks.fleet import maintenance as pages
from edgepaas_tasks.report import fleet as report
from edgepaas_tasks.service import inventory
from edgepaas_tasks.service.service import connect, load_service
from edgepaas_tasks.settings import SettingsError


def logs(c: Any, env: str, *, slot: str, host: str, lines: str, since: str, follow: bool) -> None:
    """Prints the lines. Interrupted while following, it ends as asked."""
    if slot not in app_logs.WHICH:
        raise SettingsError(f"--slot {slot}: expected {', '.join(app_logs.WHICH)}")
    count = lines if lines == "all" else str(int(number("lines", lines)))
    begin = app_logs.since_of(since)
    service = load_service(c, env)
    many = not host and len(inventory.targets(service.settings)) > 1
    printer = app_logs.Printer(hosts=many, slots=slot == "both")
    with connect(service, observe=printer.follow if follow else None) as found:
        asked = [inside.choose(found, host)] if host else found
        if not follow:
            printer.show(app_logs.read(service, asked, slot, count, begin))
            return
        with suppress(KeyboardInterrupt):
            app_logs.follow(service, asked, slot, count, begin)


def execute(c: Any, env: str, *, command: str, host: str) -> int:
    """The command's exit code."""
    if not command.strip():
        raise SettingsError("exec: give one command, quoted as one word")
    service = load_service(c, env)
    with connect(service, observe=inside.show) as hosts:
        return inside.run(service, inside.choose(hosts, host), command)


def maintenance(c: Any, env: str, *, on: bool, off: bool, json: bool) -> str:
    if on and off:
        raise SettingsError("--on and --off: choose one")
    service = load_service(c, env)
    with connect(service) as found:
        told = pages.switch(service, found, on=on) if on or off else pages.look(service, found)
    if json:
        listed = [one.as_json() for one in told]
        return jsons.dumps({"service": service.settings.service, "hosts": listed}, indent=2)
    return report.maintenance(service, told)
