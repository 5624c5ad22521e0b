"""Which database a start of the app uses: decided once for a release, from the settings and from what answers.

FINAL_DB_MODE comes in as what is wished for and goes out as what is. `try_postgres` takes Postgres when it answers in
time and a SQLite file when it does not. What a release has taken is written beside its data and holds for its later
starts; what the release before it had (EDGEPAAS_DATABASE_BEFORE) holds for its first one, so that nobody is moved from
one set of rows to another by an outage.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from .database import (
    MODES,
    NONE,
    POSTGRES,
    SQLITE,
    enforce_ssl,
    is_postgres,
    is_sqlite,
    mode_of,
    normalise,
    sqlite_url,
)
from .reach import OK, TRANSIENT, VERDICTS, reach

WAIT = 30.0  # seconds for a database that may still come up
TRY, PAUSE = 5, 1.0  # seconds: of one try, and between two

Say = Callable[[str], None]


class NotStarted(Exception):
    """The app cannot be started; the message says why and what to do, and names no host and no user."""


@dataclass(frozen=True)
class Mode:
    """`final` is postgres_only, sqlite_only, or none: not ours. `fallback`: SQLite, where Postgres was wished for.

    `since` in epoch seconds and `reason` tell when and why that was decided.
    """

    final: str
    url: str = ""
    fallback: bool = False
    since: int = 0
    reason: str = ""


def resolve(environ: dict[str, str], say: Say) -> Mode:
    """The mode of this start. Waits for a Postgres that does not answer yet. Raises NotStarted."""
    given = environ.get("DATABASE_URL", "")
    url = enforce_ssl(normalise(given))
    wished = environ.get("FINAL_DB_MODE") or mode_of(given)
    if wished == NONE:
        return Mode(NONE, given)
    if wished not in MODES:
        raise NotStarted(f"FINAL_DB_MODE is {wished!r}: expected one of {', '.join(MODES)}")
    if wished == SQLITE:
        return Mode(SQLITE, _file(environ, url))
    if url and not is_postgres(url):
        raise NotStarted(f"FINAL_DB_MODE is {wished}, and DATABASE_URL is no URL of Postgres")
    wait = float(environ.get("EDGEPAAS_DATABASE_WAIT") or WAIT)
    if wished == POSTGRES:
        if not url:
            raise NotStarted("FINAL_DB_MODE is postgres_only, and DATABASE_URL is not set")
        _require(wait_for(url, wait, say), say)
        return Mode(POSTGRES, url)
    return _tried(environ, url, wait, say)


def _file(environ: dict[str, str], url: str) -> str:
    """The SQLite URL in sqlite_only, also when DATABASE_URL names another database."""
    if not url or is_sqlite(url):
        return url
    path = environ.get("EDGEPAAS_SQLITE", "")
    if not path:
        raise NotStarted(
            "FINAL_DB_MODE is sqlite_only, DATABASE_URL leads elsewhere, and EDGEPAAS_SQLITE names no file"
        )
    return sqlite_url(path, like=url)


def wait_for(url: str, wait: float, say: Say) -> str:
    """The verdict on a database, as a key of VERDICTS; asked again for `wait` seconds where time may help."""
    deadline = time.monotonic() + wait
    told = ""
    while True:
        verdict, _, _ = reach(url, TRY)
        if verdict not in TRANSIENT or time.monotonic() >= deadline:
            return verdict
        if verdict != told:
            say(f"{VERDICTS[verdict]}: waiting up to {wait:.0f} s")
            told = verdict
        time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))


def _require(verdict: str, say: Say) -> None:
    if verdict == "driver":
        say(f"not asked whether the database answers: {VERDICTS[verdict]}")
    elif verdict != OK:
        raise NotStarted(VERDICTS[verdict])


def _tried(environ: dict[str, str], url: str, wait: float, say: Say) -> Mode:
    path = environ.get("EDGEPAAS_SQLITE", "")
    if not path:
        raise NotStarted("FINAL_DB_MODE is try_postgres, and EDGEPAAS_SQLITE names no file for it")
    record = os.path.join(os.path.dirname(path), record_name(environ.get("EDGEPAAS_RELEASE", "0")))
    before = read(record)
    if before is not None:
        decided, reason, since = before.final, before.reason, before.since
    else:
        decided, reason, since = environ.get("EDGEPAAS_DATABASE_BEFORE", ""), "", int(time.time())
        reason = "the release before it was on SQLite" if decided == SQLITE else ""
    if decided != SQLITE:
        verdict = wait_for(url, wait, say) if url else "none"
        if verdict == OK:
            decided = POSTGRES
        elif url and verdict not in TRANSIENT:
            # A mistake is no outage: nobody would look for it on SQLite.
            raise NotStarted(VERDICTS[verdict])
        elif decided == POSTGRES:
            raise NotStarted(
                f"{VERDICTS[verdict] if url else 'DATABASE_URL is not set'}, and the rows of this app are there: "
                "not falling back to SQLite (a deploy may with --allow-fallback)"
            )
        else:
            decided, reason = SQLITE, VERDICTS[verdict] if url else "DATABASE_URL is not set"
    if before is None:
        _write(record, Mode(decided, since=since, reason=reason))
    if decided == POSTGRES:
        return Mode(POSTGRES, url)
    return Mode(SQLITE, sqlite_url(path, like=url), fallback=True, since=since, reason=reason)


def record_name(release: str) -> str:
    """The file beside the data that tells what a release decided."""
    return f".edgepaas-database-{release}.json"


def read(path: str) -> Mode | None:
    """What a release decided earlier; None where it has not, or where the file is not ours."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        mode = Mode(found["mode"], since=int(found["since"]), reason=str(found["reason"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return mode if mode.final in (POSTGRES, SQLITE) else None


def _write(path: str, mode: Mode) -> None:
    text = json.dumps({"mode": mode.final, "since": mode.since, "reason": mode.reason})
    try:
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.new", path)
    except OSError as error:
        raise NotStarted(
            f"{os.path.dirname(path)} cannot be written by this image's user, so what is decided "
            f"would be forgotten: {error.strerror}"
        ) from None
