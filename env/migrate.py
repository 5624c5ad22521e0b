"""The database's schema brought to the image's revision, once, under a lock, by the application's own Alembic.

Runs inside a one-off container of the application's image; nothing here drops, truncates or deletes anything.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from env.reach import TRANSIENT, VERDICTS, Connection, hide, revisions, verdict

CONNECT = 10  # seconds
# On the sessions of the migration: a table that somebody else has locked is waited for this long; a client that
# is gone is noticed while its statement runs (PostgreSQL 14 and later).
SESSION = {"lock_timeout": "10s", "client_connection_check_interval": "1s"}
WAIT, PAUSE = 30.0, 1.0  # seconds for a database that may still come up, and between two tries

_LOSES = {
    "drop_table": "drops a table",
    "drop_column": "drops a column",
    "rename_table": "renames a table",
    "drop_schema": "drops a schema",
}
_SQL = re.compile(r"\b(DROP\s+(TABLE|COLUMN|SCHEMA|DATABASE|TYPE)|TRUNCATE|DELETE\s+FROM)\b", re.I)


class Refused(Exception):
    """The migration was not begun, or did not end; `kind` tells which reason it is."""

    def __init__(self, kind: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.details = details


class Chain:
    """The image's migration scripts, from the oldest to the newest."""

    def __init__(self, configuration: str) -> None:
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        # Scripts may import the application's own modules.
        sys.path.insert(0, os.getcwd())
        self.configuration = configuration
        self._scripts = ScriptDirectory.from_config(Config(configuration))
        self.heads = list(self._scripts.get_heads())
        self.known = [one.revision for one in self._scripts.walk_revisions()][::-1]

    @property
    def head(self) -> str:
        """The one newest revision, "" where there are no scripts. Raises Refused for several."""
        if len(self.heads) > 1:
            raise Refused("heads", f"several newest revisions: {', '.join(sorted(self.heads))}")
        return self.heads[0] if self.heads else ""

    def pending(self, at: list[str]) -> list[Any]:
        """The scripts that lead from a revision of the database to the head, in their order."""
        if not self.head or at == [self.head]:
            return []
        found = list(self._scripts.iterate_revisions(self.head, at[0] if at else "base"))
        return found[::-1]


def chain(configuration: str) -> Chain | None:
    """None where the image has no such file. Raises Refused where it has one, and no Alembic to go with it."""
    if not os.path.exists(configuration):
        return None
    try:
        return Chain(configuration)
    except ImportError as error:
        raise Refused(
            "alembic",
            f"{configuration} is there, and the image's {sys.executable} can not import {error.name}",
        ) from None


def status(url: str, scripts: Chain) -> dict[str, Any]:
    """Where the database is against the image. Raises Refused when it is not reached."""
    connection = _connect(url)
    try:
        at = revisions(connection)
    finally:
        connection.close()
    unknown = [one for one in at if one not in scripts.known]
    return {
        "at": at,
        "heads": scripts.heads,
        "known": scripts.known,
        "unknown": unknown,
        "pending": []
        if unknown or len(at) > 1 or len(scripts.heads) > 1
        else _names(scripts.pending(at)),
    }


def up(url: str, scripts: Chain, *, allow_destructive: bool, wait: float) -> dict[str, Any]:
    """Upgrades to the image's head. Raises Refused with the schema as it was, or as far as it came."""
    with alone(url, wait) as lock:
        at = revisions(lock)
        _require_known(at, scripts)
        pending = scripts.pending(at)
        losses = [f"{one.revision} {loss}" for one in pending for loss in destructive(one.path)]
        if losses and not allow_destructive:
            raise Refused("destructive", "; ".join(losses))
        if pending:
            alembic(scripts, url, "upgrade", scripts.head)
            require_at(lock, [scripts.head])
        return {"before": at, "at": revisions(lock), "applied": _names(pending)}


def down(url: str, scripts: Chain, to: str, *, wait: float) -> dict[str, Any]:
    """Downgrades to a revision that this image knows. Raises Refused."""
    if to not in (*scripts.known, "base"):
        known = _list(scripts.known)
        raise Refused("unknown", f"this image knows no revision {to} (known: {known})")
    with alone(url, wait) as lock:
        at = revisions(lock)
        _require_known(at, scripts)
        if to != "base" and at and scripts.known.index(to) > scripts.known.index(at[0]):
            raise Refused("ahead", f"{to} is newer than where the database is, {at[0]}")
        alembic(scripts, url, "downgrade", to)
        require_at(lock, [] if to == "base" else [to])
        return {"before": at, "at": revisions(lock), "applied": []}


def sql(url: str, scripts: Chain) -> str:
    """The statements that `up` would run, as Alembic writes them without a database."""
    at = status(url, scripts)["at"]
    span = f"{at[0]}:{scripts.head}" if at else scripts.head
    return alembic(scripts, url, "upgrade", span, "--sql")


def destructive(path: str) -> list[str]:
    """What the upgrade of a script takes away, or may fail on where there are rows."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            for call in ast.walk(function):
                if isinstance(call, ast.Call):
                    found += list(_losses(call))
    return found


def _losses(call: ast.Call) -> list[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    words = [str(one.value) for one in call.args if isinstance(one, ast.Constant)]
    named = f" ({'.'.join(words[:2])})" if words else ""
    options = {one.arg: one.value for one in call.keywords}
    if name in _LOSES:
        return [f"{_LOSES[name]}{named}"]
    if name == "alter_column":
        said = []
        if "type_" in options:
            said.append(f"changes a type{named}")
        if "new_column_name" in options:
            said.append(f"renames a column{named}")
        if _false(options.get("nullable")) and "server_default" not in options:
            said.append(f"forbids NULL without a default{named}")
        return said
    if name == "add_column":
        for argument in call.args:
            inner = {one.arg: one.value for one in getattr(argument, "keywords", [])}
            if _false(inner.get("nullable")) and "server_default" not in inner:
                return [f"adds a column that forbids NULL without a default{named}"]
    if name in ("execute", "text"):
        for word in words:
            if match := _SQL.search(word):
                return [f"runs {' '.join(match.group(0).upper().split())}"]
    return []


def _false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _connect(url: str) -> Connection:
    """Retries what may pass by itself, and nothing else. Raises Refused."""
    wait = float(os.environ.get("EDGEPAAS_DATABASE_WAIT") or WAIT)
    deadline = time.monotonic() + wait
    told = ""
    while True:
        try:
            return Connection(url, CONNECT)
        except ImportError as error:
            raise Refused("driver", str(error)) from None
        except Exception as error:
            said = hide(f"{type(error).__name__}: {error}".strip(), url)
            kind = verdict(said)
            if kind not in TRANSIENT or time.monotonic() >= deadline:
                raise Refused(kind, f"{VERDICTS[kind]} ({' '.join(said.split())})") from None
            if kind != told:
                print(f"{VERDICTS[kind]}: waiting up to {wait:g} s", file=sys.stderr, flush=True)
                told = kind
            time.sleep(PAUSE)


@contextmanager
def alone(url: str, wait: float) -> Iterator[Connection]:
    """A session with the lock of all migrations of this database. Raises Refused."""
    lock = _connect(url)
    try:
        _require_session(lock, url)
        _take(lock, wait)
        yield lock
    finally:
        lock.close()


def _require_session(lock: Connection, url: str) -> None:
    """A lock of a session holds only where a session is one: two clients of a transaction pooler share a server's."""
    other = _connect(url)
    try:
        (mine,), (theirs,) = (one.rows("SELECT pg_backend_pid()")[0] for one in (lock, other))
    finally:
        other.close()
    if mine == theirs:
        raise Refused(
            "pooler",
            "DATABASE_URL leads through a transaction pooler, where a session's lock does not hold: "
            "set edgepaas.database.migration_url to a variable with the direct URL",
        )


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
            raise Refused("locked", f"another migration has run for more than {wait:.0f} s")
        print("another migration is running: waiting", file=sys.stderr, flush=True)
        time.sleep(0.5)


def _require_known(at: list[str], scripts: Chain) -> None:
    _ = scripts.head  # one head, or Refused
    if len(at) > 1:
        raise Refused("diverged", f"the database is at several revisions: {', '.join(at)}")
    if at and at[0] not in scripts.known:
        raise Refused(
            "ahead",
            f"the database is at {at[0]}, which this image does not know (it knows {_list(scripts.known)})",
        )


def require_at(lock: Connection, wanted: list[str]) -> None:
    at = revisions(lock)
    if at != wanted:
        raise Refused(
            "incomplete", f"the database is at {_list(at)} afterwards, not at {_list(wanted)}"
        )


def alembic(scripts: Chain, url: str, *words: str) -> str:
    """Alembic as the application has it, with the URL that the lock was taken on."""
    options = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "RUN_MIGRATIONS": "false",
        "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} {options}".strip(),
        "PGAPPNAME": "edgepaas-migrate",
    }
    command = [sys.executable, "-m", "alembic", "-c", scripts.configuration, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        said = hide(done.stderr or done.stdout, url)
        begun = re.findall(r"Running (?:upgrade|downgrade) +(.*)", said)
        statement = re.findall(r"\[SQL: (.*?)\]\n", said, re.S)
        raise Refused(
            "failed",
            f"alembic {' '.join(words)} failed",
            revision=begun[-1].strip() if begun else "",
            statement=" ".join(statement[-1].split()) if statement else "",
            said="\n".join(said.strip().splitlines()[-8:]),
        )
    return done.stdout


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
        scripts = chain(configuration)
        found: dict[str, Any] = {"kind": "none"} if scripts is None else work(url, scripts)
    except Refused as refused:
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
