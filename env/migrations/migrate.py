"""The database's schema brought to the image's revision, once, under a lock, by the application's own Alembic.

Runs inside a one-off container of the application's image; nothing here drops, truncates or deletes anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from .. import version_table
from ..reach import Connection, hide, revisions
from .losses import destructive
from .refused import MigrationRefused
from .scripts import Chain, alembic, read
from .session import alone, connect

# But for those of the server, of its extensions, and Alembic's own.
_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'm') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
    AND c.oid IS DISTINCT FROM {own}
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


def status(url: str, scripts: Chain) -> dict[str, Any]:
    """Where the database is against the image. Raises MigrationRefused when it is not reached."""
    at = _at(url)
    unknown, diverged = _unknown(at, scripts), scripts.diverged(at)
    led = not unknown and not diverged and len(scripts.heads) < 2
    return {
        "at": at,
        "heads": scripts.heads,
        "known": scripts.known,
        "unknown": unknown,
        "diverged": diverged,
        "pending": _names(scripts.pending(at)) if led else [],
    }


def up(url: str, scripts: Chain, *, allow_destructive: bool, wait: float) -> dict[str, Any]:
    """Upgrades to the image's head. Raises MigrationRefused with the schema as it was, or as far as it came."""
    at = _at(url)
    # Where there is nothing to do, nobody's migration is waited for: an old container may start again amid a long one.
    if not _pending(at, scripts):
        return {"before": at, "at": at, "applied": []}
    with alone(url, wait) as lock:
        at = revisions(lock)
        pending = _pending(at, scripts)
        losses = [f"{one.revision} {loss}" for one in pending for loss in destructive(one.path)]
        if losses and not allow_destructive and not _empty(lock, at):
            raise MigrationRefused("destructive", "; ".join(losses))
        if pending:
            alembic(scripts, url, "upgrade", scripts.head)
            require_at(lock, [scripts.head])
        return {"before": at, "at": revisions(lock), "applied": _names(pending)}


def down(url: str, scripts: Chain, to: str, *, wait: float) -> dict[str, Any]:
    """Downgrades to a revision that this image knows. Raises MigrationRefused."""
    if to not in (*scripts.known, "base"):
        known = _list(scripts.known)
        raise MigrationRefused("unknown", f"this image knows no revision {to} (known: {known})")
    with alone(url, wait) as lock:
        at = revisions(lock)
        _require_known(at, scripts)
        if to != "base" and at and to not in scripts.applied(at):
            raise MigrationRefused(
                "newer", f"{to} is newer than where the database is, {_list(at)}"
            )
        alembic(scripts, url, "downgrade", to)
        left = revisions(lock)
        # From a merge one branch is taken down, and the other is left where it is.
        if to not in left:
            require_at(lock, [] if to == "base" else [to])
        return {"before": at, "at": left, "applied": []}


def sql(url: str, scripts: Chain) -> str:
    """The statements that `up` would run, as Alembic writes them without a database."""
    at = _at(url)
    _require_known(at, scripts)
    if len(at) > 1:
        raise MigrationRefused(
            "diverged", f"no statements from several revisions at once: {_list(at)}"
        )
    span = f"{at[0]}:{scripts.head}" if at else scripts.head
    return alembic(scripts, url, "upgrade", span, "--sql")


def _at(url: str) -> list[str]:
    """The database's revisions, without a lock."""
    connection = connect(url)
    try:
        return revisions(connection)
    finally:
        connection.close()


def _pending(at: list[str], scripts: Chain) -> list[Any]:
    _require_known(at, scripts)
    return scripts.pending(at)


def _empty(lock: Connection, at: list[str]) -> bool:
    """Whether there is nothing that could be lost: no revision, and no table of anybody's."""
    return not at and not lock.rows(_TABLES.format(own=version_table.oid()))[0][0]


def _unknown(at: list[str], scripts: Chain) -> list[str]:
    return [one for one in at if one not in scripts.known]


def _require_known(at: list[str], scripts: Chain) -> None:
    """All revisions lead to the one head, or MigrationRefused."""
    _ = scripts.head
    if unknown := _unknown(at, scripts):
        raise MigrationRefused(
            "ahead",
            f"the database is at {_list(unknown)}, which this image does not know (it knows {_list(scripts.known)})",
        )
    if scripts.diverged(at):
        raise MigrationRefused("diverged", f"the database is at several revisions: {', '.join(at)}")


def require_at(lock: Connection, wanted: list[str]) -> None:
    at = revisions(lock)
    if at != wanted:
        raise MigrationRefused(
            "incomplete", f"the database is at {_list(at)} afterwards, not at {_list(wanted)}"
        )


def _names(scripts: list[Any]) -> list[str]:
    return [
        f"{one.revision} {one.doc.splitlines()[0] if one.doc else ''}".strip() for one in scripts
    ]


def _list(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def answer(configuration: str, variable: str, work: Callable[[str, Chain], dict[str, Any]]) -> None:
    """Prints what came of it as one JSON document: the answer, or why there is none."""
    url = os.environ.get(variable or "DATABASE_URL", "")
    try:
        scripts = read(configuration)
        found: dict[str, Any] = {"kind": "none"} if scripts is None else work(url, scripts)
    except MigrationRefused as refused:
        found = {"kind": refused.kind, "message": str(refused), **refused.details}
    except Exception as error:
        said = hide(f"{type(error).__name__}: {error}", url)
        found = {"kind": "other", "message": " ".join(said.split())}
    print(json.dumps(found))


def main(arguments: list[str]) -> None:
    """`ACTION CONFIGURATION MIGRATION_URL_NAME WAIT [TO] [allow-destructive]`; prints one JSON document."""
    action, configuration, variable, wait, *more = arguments

    def work(url: str, scripts: Chain) -> dict[str, Any]:
        if action == "status":
            return status(url, scripts)
        if action == "up":
            allowed = "allow-destructive" in more
            return up(url, scripts, allow_destructive=allowed, wait=float(wait))
        if action == "down":
            return down(url, scripts, more[0], wait=float(wait))
        return {"sql": sql(url, scripts)}

    answer(configuration, variable, work)
