"""The backup that an operator has set, taken before anything is taken away."""

from __future__ import annotations

import os

from edgepaas_tasks.console.boundary import Refused, redactor
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.variables.environment import Environment
from env import canonical
from remote import local


def run(settings: Settings, composed: Environment) -> str:
    """Runs `database.backup` on this machine, with the app's variables in its environment; its last line.

    Raises Refused when it fails: then nothing has been changed.
    """
    values = canonical.parse(composed.text.text())
    done = local.run(
        *("sh", "-c", settings.database.backup),
        timeout=settings.database.timeout,
        ok=tuple(range(256)),
        env={**os.environ, **values},
    )
    if done.code != 0:
        said = "\n".join(f"  {line}" for line in done.tail().splitlines())
        raise Refused(
            f"the backup failed (exit {done.code}), nothing was changed\n{redactor()(said)}\n"
            "  next:  run edgepaas.database.backup by hand, and mend it"
        )
    lines = done.text.splitlines()
    return f"backup taken ({redactor()(lines[-1])})" if lines else "backup taken"
