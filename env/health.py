"""Health answers for an app, in a few lines; they never name a host or a user.

@app.get("/health/live")
def live():
    return JSONResponse(*reversed(health.live()))

@app.get("/health/ready")
def ready():
    status, body = health.ready(engine)
    return JSONResponse(body, status)
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from . import version_table
from .database import POSTGRES, SQLITE, is_postgres
from .reach import OK, VERDICTS, hide, reach, verdict

log = logging.getLogger("edgepaas.health")

Answer = tuple[int, dict[str, Any]]  # an HTTP status, and a body for JSON


def live() -> Answer:
    """The process answers: no question to the database, whose outage no restart of the app would cure."""
    return 200, {"status": "live"}


def ready(engine: Any = None, check: Callable[[], object] | None = None) -> Answer:
    """Whether the database answers, 200 or 503, with its mode and, on Postgres, the schema's revision.

    `engine` is SQLAlchemy's, so that the app's own pool is asked; without one DATABASE_URL is. `check` is the app's own
    question: it raises when the answer is no.
    """
    try:
        revision = _asked() if engine is None else _of_engine(engine)
        if check is not None:
            check()
    except Exception as error:
        return _not_ready(error, _mode(engine))
    return _ready(revision, _mode(engine))


async def ready_async(engine: Any, check: Callable[[], Any] | None = None) -> Answer:
    """`ready` for an engine of SQLAlchemy's asyncio; `check` is awaited."""
    try:
        async with engine.connect() as connection:

            async def scalar(statement: str) -> Any:
                return (await connection.exec_driver_sql(statement)).scalar()

            if engine.dialect.name != "postgresql":
                revision = ""
                await scalar("SELECT 1")
            else:
                revision = await scalar(_revision()) if await scalar(_table()) else ""
        if check is not None:
            await check()
    except Exception as error:
        return _not_ready(error, _mode(engine))
    return _ready(revision, _mode(engine))


class _Verdict(Exception):
    """The verdict of a connection of our own."""


def _asked() -> str:
    url = os.environ.get("DATABASE_URL", "")
    if not is_postgres(url):
        return ""  # a file: the app's own check can tell more
    found, _, revision = reach(url, 5)
    if found != OK:
        raise _Verdict(found)
    return revision or ""


def _of_engine(engine: Any) -> str:
    with engine.connect() as connection:

        def scalar(statement: str) -> Any:
            return connection.exec_driver_sql(statement).scalar()

        if engine.dialect.name != "postgresql":
            scalar("SELECT 1")  # the rest is Postgres' own
            return ""
        return str(scalar(_revision()) or "") if scalar(_table()) else ""


def _table() -> str:
    return f"SELECT {version_table.oid()}::text"


def _revision() -> str:
    return f"SELECT string_agg(version_num, ',' ORDER BY version_num) FROM {version_table.name()}"


def _mode(engine: Any) -> str:
    if found := os.environ.get("FINAL_DB_MODE"):
        return found
    postgres = (
        is_postgres(os.environ.get("DATABASE_URL", ""))
        if engine is None
        else engine.dialect.name == "postgresql"
    )
    return POSTGRES if postgres else SQLITE


def _ready(revision: str, mode: str) -> Answer:
    body: dict[str, Any] = {"status": "ready", "database": "ready", "database_mode": mode}
    if revision:
        body["revision"] = revision
    return 200, {**body, **_fallback()}


def _not_ready(error: Exception, mode: str) -> Answer:
    said = hide(f"{type(error).__name__}: {error}", os.environ.get("DATABASE_URL", ""))
    kind = str(error) if isinstance(error, _Verdict) else verdict(said)
    log.warning("not ready: %s (%s)", VERDICTS[kind], type(error).__name__)
    # One of our own words: what a driver says names hosts, addresses and users.
    return 503, {"status": "not ready", "database": kind, "database_mode": mode, **_fallback()}


def _fallback() -> dict[str, Any]:
    """Loud: who asks is told that this is not the database that was wished for."""
    since = os.environ.get("EDGEPAAS_FALLBACK_SINCE", "")
    if not since.isdigit():
        return {}
    reason = os.environ.get("EDGEPAAS_FALLBACK_REASON", "")
    return {"fallback": {"from": POSTGRES, "since": int(since), "reason": reason}}
