"""Alembic's table of the revisions that a database is at, where the app's env.py has put it."""

from __future__ import annotations

import os


def name() -> str:
    """As SQL takes it."""
    schema = os.environ.get("EDGEPAAS_VERSION_TABLE_SCHEMA", "")
    table = os.environ.get("EDGEPAAS_VERSION_TABLE") or "alembic_version"
    return ".".join(f'"{part}"' for part in map(_doubled, (schema, table)) if part)


def oid() -> str:
    """The table as an expression of SQL, NULL where there is none."""
    literal = name().replace("'", "''")
    return f"to_regclass('{literal}')"


def _doubled(part: str) -> str:
    return part.replace('"', '""')
