"""Whether a database answers, and how far its schema is, told apart by what an operator would do about it.

Also run inside the application's image, by the Python that is there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

from . import version_table
from .database import plain

OK = "ok"
# Verdict: what it means, in the operator's words.
VERDICTS = {
    OK: "the database answers",
    "name": "the database's host name does not resolve",
    "refused": "the database's host refuses connections on that port",
    "timeout": "the database does not answer in time: a security group, or a wrong address",
    "starting": "the server is starting, stopping, or has closed the connection",
    "tls": "the server does not offer TLS, or not as it is asked for",
    "certificate": "the server's certificate is not the one that is trusted",
    "password": "user or password are wrong",
    "database": "there is no database of that name",
    "connections": "the server has no connection left",
    "driver": "the image has no driver for Postgres (psycopg, psycopg2 or asyncpg)",
    "other": "the database cannot be used",
}
DRIVERS = ("psycopg", "psycopg2", "asyncpg")
# What may pass by itself.
TRANSIENT = ("name", "refused", "timeout", "starting", "connections")
# In this order: the first pattern that is found decides.
_PATTERNS = (
    (
        "name",
        r"could not translate host name|name or service not known|gai_?error|getaddrinfo|resolve host|"
        r"failure in name resolution|no address associated",
    ),
    # In the words of TLS, and yet no matter of it: a server that is restarted, or replaced by another.
    ("starting", r"unexpected eof|ssl syscall error: eof|ssl connection has been closed"),
    ("certificate", r"certificate|does not match host name|hostname mismatch|root\.crt"),
    (
        "tls",
        r"no encryption|does not support ssl|rejected ssl|ssl error|server refused tls|ssl off",
    ),
    (
        "password",
        r"password authentication failed|no password supplied|28p01|role .* does not exist",
    ),
    ("database", r"database .* does not exist|3d000"),
    ("connections", r"too many (clients|connections)|remaining connection slots|53300"),
    ("refused", r"connection refused|connect call failed|errno 111"),
    (
        "starting",
        r"database system is|57p0[123]|closed the connection|connection reset|connection was closed|"
        r"connectiondoesnotexist|terminating connection",
    ),
    (
        "timeout",
        r"timeout|timed out|no route to host|(network|host) is (unreachable|down)|errno 1(01|12|13)\b",
    ),
)


def verdict(message: str) -> str:
    """The key of VERDICTS for what a driver said."""
    # Names that people have given, which may be any word, are between quotes.
    text = re.sub(r'"[^"]*"', '""', " ".join(message.lower().split()))
    return next((key for key, pattern in _PATTERNS if re.search(pattern, text)), "other")


class Connection:
    """A connection of whichever driver the image has, in autocommit. `rows` gives the answer of one statement."""

    def __init__(self, url: str, timeout: int) -> None:
        wanted = url.partition("://")[0].partition("+")[2]
        self._loop: Any = None
        for name in (wanted,) if wanted in DRIVERS else DRIVERS:
            try:
                driver = __import__(name)
            except ImportError:
                continue
            self.driver = name
            if name == "asyncpg":
                import asyncio

                self._loop = asyncio.new_event_loop()
                # A pooler knows no statements that somebody else has prepared; nothing of ours is asked twice.
                connecting = driver.connect(
                    plain(url, name), timeout=timeout, statement_cache_size=0
                )
                self._raw = self._loop.run_until_complete(connecting)
            else:
                self._raw = driver.connect(plain(url, name), connect_timeout=timeout)
                self._raw.autocommit = True
            return
        names = wanted if wanted in DRIVERS else ", ".join(DRIVERS)
        raise ImportError(f"none of {names} can be imported")

    def rows(self, statement: str) -> list[Any]:
        """The rows of one statement, each a sequence."""
        if self._loop is not None:
            return list(self._loop.run_until_complete(self._raw.fetch(statement)))
        with self._raw.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def close(self) -> None:
        if self._loop is not None:
            self._loop.run_until_complete(self._raw.close())
            self._loop.close()
        else:
            self._raw.close()


def reach(url: str, timeout: int = 10) -> tuple[str, str, str | None]:
    """Connects with the driver that is there: a verdict, what the driver said, the revision that it is at.

    The revision is "" where the table is empty or missing, None where the database was not reached. `timeout` in
    seconds. What the driver said can hold the URL's parts, never its password.
    """
    try:
        connection = Connection(url, timeout)
        try:
            return OK, "", ",".join(revisions(connection))
        finally:
            connection.close()
    except ImportError as error:
        return "driver", str(error), None
    except Exception as error:
        said = f"{type(error).__name__}: {error}".strip()
        # Judged as it is: a password may be a word of it.
        return verdict(said), hide(said, url), None


def hide(said: str, url: str) -> str:
    """What a driver said, without the URL's password."""
    password = unquote(urlsplit(url).password or "")
    return said.replace(password, "***") if password else said


def revisions(connection: Connection) -> list[str]:
    """The revisions that the database is at; more than one where branches were not merged."""
    if connection.rows(f"SELECT {version_table.oid()}::text")[0][0] is None:
        return []
    found = connection.rows(f"SELECT version_num FROM {version_table.name()}")
    return sorted(row[0] for row in found)


def heads(configuration: str) -> list[str] | None:
    """The revisions that this image's scripts lead to; None where it has no Alembic or no such file."""
    if not os.path.exists(configuration):
        return None
    words = [sys.executable, "-m", "alembic", "-c", configuration, "heads"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        return None
    return [line.split()[0] for line in done.stdout.splitlines() if line.strip()]


def main(arguments: list[str]) -> None:
    """Prints one JSON document: verdict, what was said, revision, the image's heads."""
    found, said, at = reach(os.environ.get("DATABASE_URL", ""))
    print(
        json.dumps({"verdict": found, "said": said, "revision": at, "heads": heads(arguments[0])})
    )
