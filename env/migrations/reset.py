"""Empty a database and migrate it anew, outside production. The only module that drops anything."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote

from .. import version_table
from ..reach import revisions
from ..values.names import production_like
from .migrate import answer, require_at
from .refused import MigrationRefused
from .scripts import Chain, alembic
from .session import alone

# What the app's user has made in its schema; extensions and what belongs to them stay.
_EMPTY = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT format('DROP %s IF EXISTS %I.%I CASCADE', CASE c.relkind
            WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, n.nspname, c.relname) AS statement
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND (d.deptype = 'e'
                OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))  -- a column's own sequence goes with it
        UNION ALL
        SELECT format('DROP %s IF EXISTS %I.%I CASCADE',
            CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, n.nspname, t.typname)
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE n.nspname = current_schema() AND t.typtype IN ('e', 'd')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
        UNION ALL
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = current_schema()
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE one.statement;
    END LOOP;
"""


def reset(url: str, scripts: Chain, name: str, *, wait: float) -> dict[str, Any]:
    """Empties the database of that name and upgrades it to the image's head. Raises MigrationRefused.

    One statement empties it: all of it, or nothing.
    """
    environment = os.environ.get("EDGEPAAS_ENVIRONMENT", "")
    if production_like(environment):
        raise MigrationRefused("production", f"{environment} is production-like: it is never reset")
    with alone(url, wait) as lock:
        there = lock.rows("SELECT current_database()")[0][0]
        if there != name:
            raise MigrationRefused("elsewhere", f"the database is {there}, not {name}")
        head = scripts.head
        before = revisions(lock)
        # Alembic's own table may be elsewhere, and would go on to say that all is there.
        lock.rows(f"{_EMPTY}    DROP TABLE IF EXISTS {version_table.name()};\nEND $$")
        if head:
            alembic(scripts, url, "upgrade", head)
            require_at(lock, [head])
        return {"before": before, "at": revisions(lock), "applied": []}


def main(arguments: list[str]) -> None:
    """`reset CONFIGURATION MIGRATION_URL_NAME WAIT NAME`; prints one JSON document."""
    _, configuration, variable, wait, name = arguments

    def work(url: str, scripts: Chain) -> dict[str, Any]:
        return reset(url, scripts, unquote(name), wait=float(wait))

    answer(configuration, variable, work)
