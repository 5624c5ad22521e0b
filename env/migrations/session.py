"""The session that holds the lock of all migrations of a database: one at a time, wherever they are started."""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..reach import TRANSIENT, VERDICTS, Connection, hide, verdict
from .refused import MigrationRefused

CONNECT = 10  # seconds
# On the sessions of the migration: a table that somebody else has locked is waited for this long; a client that is
# gone is noticed while its statement runs (PostgreSQL 14 and later), and a host that is gone also while it is idle:
# until then the lock is held.
SESSION = {
    "lock_timeout": "10s",
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
# In which a pooler has to give itself away: with ten clients at pgbouncer 1 round was not enough for 6 in 100, 5 were.
ROUNDS = 10
WAIT, PAUSE = 30.0, 1.0  # seconds for a database that may still come up, and between two tries


@contextmanager
def alone(url: str, wait: float) -> Iterator[Connection]:
    """A session with the lock of all migrations of this database. Raises MigrationRefused."""
    lock = connect(url)
    try:
        _require_session(lock, url)
        _take(lock, wait)
        yield lock
    finally:
        lock.close()


def _require_session(lock: Connection, url: str) -> None:
    """A lock of a session holds only where a session is one: a transaction pooler lends its servers' to whoever asks.

    Two of its clients get the same one, unless others ask at that very moment: hence several rounds.
    """
    other = connect(url)
    try:
        mine = _process(lock)
        shared = any(_process(other) == mine or _process(lock) != mine for _ in range(ROUNDS))
    finally:
        other.close()
    if shared:
        raise MigrationRefused(
            "pooler",
            "the URL leads through a transaction pooler, where a session's lock does not hold: "
            "migrations need one to the server itself",
        )


def _process(connection: Connection) -> Any:
    """The server process that a session is with."""
    return connection.rows("SELECT pg_backend_pid()")[0][0]


def _take(lock: Connection, wait: float) -> None:
    """The one lock of all migrations of this database; given back when the connection ends, however it ends."""
    key = zlib.crc32(b"edgepaas.migrations")
    deadline = time.monotonic() + wait
    for name, value in SESSION.items():
        try:
            lock.rows(f"SET {name} = '{value}'")
        except Exception as error:
            # Older servers do not know every one of them.
            print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
    while not lock.rows(f"SELECT pg_try_advisory_lock({key})")[0][0]:
        if time.monotonic() > deadline:
            raise MigrationRefused(
                "locked", f"another migration has run for more than {wait:.0f} s"
            )
        print("another migration is running: waiting", file=sys.stderr, flush=True)
        time.sleep(0.5)


def connect(url: str) -> Connection:
    """Retries what may pass by itself, and nothing else. Raises MigrationRefused."""
    wait = float(os.environ.get("EDGEPAAS_DATABASE_WAIT") or WAIT)
    deadline = time.monotonic() + wait
    told = ""
    while True:
        try:
            return Connection(url, CONNECT)
        except ImportError as error:
            raise MigrationRefused("driver", str(error)) from None
        except Exception as error:
            said = hide(f"{type(error).__name__}: {error}".strip(), url)
            kind = verdict(said)
            if kind not in TRANSIENT or time.monotonic() >= deadline:
                raise MigrationRefused(
                    kind, f"{VERDICTS[kind]} ({' '.join(said.split())})"
                ) from None
            if kind != told:
                print(f"{VERDICTS[kind]}: waiting up to {wait:g} s", file=sys.stderr, flush=True)
                told = kind
            time.sleep(PAUSE)
