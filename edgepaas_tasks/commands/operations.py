"""What the tasks call that look after a service between two deploys."""

from __future__ import annotations

import json as jsons
from typing import Any

from edgepaas_tasks import maintenance as pages
from edgepaas_tasks import report
from edgepaas_tasks.service import hosts, service
from edgepaas_tasks.settings import SettingsError


def maintenance(c: Any, env: str, *, on: bool, off: bool, json: bool) -> str:
    if on and off:
        raise SettingsError("--on and --off: choose one")
    of = service(c, env)
    with hosts(of) as found:
        told = pages.switch(of, found, on=on) if on or off else pages.look(of, found)
    if json:
        listed = [one.as_json() for one in told]
        return jsons.dumps({"service": of.settings.service, "hosts": listed}, indent=2)
    return report.maintenance(of, told)
