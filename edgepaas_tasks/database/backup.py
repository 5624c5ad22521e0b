"""The backup that an operator has set, taken before anything is taken away."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edgepaas_tasks.console.task import conceal, redactor
from edgepaas_tasks.env import database
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote import local
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.variables.environment import Environment

# What libpq and asyncpg both read in a URL; asyncpg's others are refused by pg_dump.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_SHARED = (
    *("host", "port", "user", "password", "passfile", "application_name", "options"),
    *("sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"),
)


def run(settings: Settings, composed: Environment) -> str:
    """Runs `database.backup` on this machine; its last line.

    Raises Refused when it fails: then nothing has been changed.
    """
    done = local.run(
        *("sh", "-c", settings.database.backup),
        timeout=settings.database.timeout,
        ok=tuple(range(256)),
        env={**os.environ, **_surroundings(settings, canonical.parse(composed.text.text()))},
    )
    if done.code != 0:
        said = "\n".join(f"  {line}" for line in done.tail().splitlines())
        raise Refused(
            f"the backup failed (exit {done.code}), nothing was changed\n{redactor()(said)}",
            next_step="run edgepaas.database.backup by hand, and fix it",
        )
    lines = done.text.splitlines()
    return f"backup taken ({redactor()(lines[-1])})" if lines else "backup taken"


def _surroundings(settings: Settings, values: Mapping[str, str]) -> dict[str, str]:
    """The app's variables; where its database is, in words that pg_dump understands and that hold on this machine."""
    url = _libpq(values.get(settings.database.migration_url or "DATABASE_URL", ""))
    conceal(url)
    found = {**values, "DATABASE_URL": url}
    if settings.database.root_certificate:
        path = Path(settings.database.root_certificate).expanduser()
        found["PGSSLROOTCERT"] = str(path.resolve())
    return found


def _libpq(url: str) -> str:
    """The URL without SQLAlchemy's name of a driver, and without what only asyncpg reads."""
    if not url.startswith("postgresql+asyncpg"):
        return database.plain(url, "psycopg")
    base, _, query = database.plain(url, "asyncpg").partition("?")
    kept = [part for part in query.split("&") if part.partition("=")[0] in _SHARED]
    return "?".join([base, *(["&".join(kept)] if kept else [])])
