"""What the place where this runs understands."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import JSON_HELP, say, task


@task(help={"json": JSON_HELP})
def detect(c: Any, json: bool = False) -> None:
    """Show which CI this is, and what its log understands."""
    from edgepaas_tasks.console import ci
    from edgepaas_tasks.report import places as report

    found = ci.as_json(ci.detect())
    say(jsons.dumps(found, indent=2) if json else report.place(found))


ns = Collection("ci")
ns.add_task(detect, default=True)
