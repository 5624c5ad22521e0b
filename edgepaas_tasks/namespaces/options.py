"""Options that several tasks share: their help texts, and how their values are parsed.

Numbers arrive as text and are parsed here: a wrong one would end in Invoke's own traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgepaas_tasks.service.service import Service

ENV_HELP = "Environment of invoke.yaml (default: edgepaas.default_env)."
SET_HELP = "NAME=VALUE for one variable; may be repeated. Secrets only as NAME=@FILE."
WAIT_HELP = "Seconds to wait for another deploy (default: edgepaas.lease.wait, else until a stale lease expires)."
DRY_RUN_HELP = "Show what would be done; change nothing."
JSON_HELP = "Print one JSON document on stdout and nothing else."
DESTRUCTIVE_HELP = "Run migrations that drop, rename or change existing data."
FALLBACK_HELP = "Deploy on SQLite although the live release is on Postgres."


def number(option: str, text: str, *, least: float = 0, whole: bool = True) -> float:
    """The number that an option was given. Raises SettingsError for anything else, or below `least`."""
    from edgepaas_tasks.errors import SettingsError

    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = least - 1
    if not value >= least:
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"--{option} {text!r}: expected {kind} from {least:g}")
    return value


def release_number(option: str, text: str) -> int | None:
    """The number of a release; None where the option was not given."""
    return int(number(option, text, least=1)) if text else None


def parse_wait(service: Service, text: str) -> float | None:
    """Seconds to wait for another deploy. None: only until a stale lease expires."""
    return number("wait", text, whole=False) if text else service.settings.lease.wait
