"""What runs first in the app's container: settles the database, brings the schema up, and becomes the app.

    python3 runtime.pyz --image '[["tini", "--"], ["uvicorn", "app:app"]]'
    python3 -m edgepaas_tasks.env uvicorn app:app

The app ends as the same process, so that PID 1 and its signals are the app's. Everything is in its os.environ; what was
resolved also lies in one file, for shells: `. /run/edgepaas/env`.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from importlib.machinery import PathFinder
from types import FrameType

from . import command, mode
from .mode import Mode, NotStarted
from .values import canonical

FILE = "/run/edgepaas/env"
HERE = "EDGEPAAS_RUNTIME"  # in the environment of whatever we have started
DESTRUCTIVE = "EDGEPAAS_ALLOW_DESTRUCTIVE"  # for who starts a container by hand
MISCONFIGURED = 78  # EX_CONFIG of sysexits.h
# They say where a process is, not what the app was given.
_OWN = frozenset({"HOSTNAME", "HOME", "PWD", "OLDPWD", "SHLVL", "TERM", "_"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def main(arguments: list[str]) -> None:
    """Becomes the command; returns never. Exit 78 where it cannot be started, with the reason on stderr."""
    # The kernel gives PID 1 no default action: without a handler a container that waits could not be stopped.
    signal.signal(signal.SIGTERM, _stop)
    try:
        words = command.words(arguments)
        if not words:
            raise NotStarted("there is no command: the image has none, or give one")
        if HERE not in os.environ:
            _forget_coercion()
            command.continue_in(command.interpreter(words))
            os.environ.update(settled(dict(os.environ)))
            _publish(dict(os.environ))
        words, warning = command.with_exec(words)
        if warning:
            say(f"warning: {warning}")
        _become(words)
    except NotStarted as error:
        say(f"not started: {error}")
        sys.exit(MISCONFIGURED)


def settled(environ: dict[str, str]) -> dict[str, str]:
    """What is to be set for the app: its database, and where to find its modules and ours. Raises NotStarted."""
    deployed = "EDGEPAAS_RELEASE" in environ
    found = mode.resolve(environ, say)
    _tell(found, deployed)
    changed = {
        HERE: "1",
        "FINAL_DB_MODE": found.final,
        # Whoever starts the app has brought the schema up, or it is not to be.
        "RUN_MIGRATIONS": "false",
        "EDGEPAAS_PLACE": "host" if deployed else "local",
        "PYTHONPATH": python_path(environ.get("PYTHONPATH", "")),
    }
    if found.url:
        changed["DATABASE_URL"] = found.url
    if found.fallback:
        changed["EDGEPAAS_FALLBACK_SINCE"] = str(found.since)
        changed["EDGEPAAS_FALLBACK_REASON"] = found.reason
    if found.final == mode.SQLITE:
        _tune(found.url)
    elif found.final == mode.POSTGRES and _is_on(environ.get("RUN_MIGRATIONS", "")):
        _migrate(environ, found.url)
    return changed


def python_path(given: str) -> str:
    """PYTHONPATH for the app: what was given, the working directory, and this package where no other one is found."""
    here = os.getcwd()
    ours = os.path.abspath(__file__)
    for _ in __name__.split("."):
        ours = os.path.dirname(ours)
    paths = [path for path in given.split(os.pathsep) if path]
    rest = [path for path in sys.path if os.path.abspath(path) not in (ours, "")]
    added = [here]
    if os.path.isfile(ours):
        for name, place in (("edgepaas_tasks", ours), ("env", os.path.join(ours, "former"))):
            theirs = PathFinder.find_spec(name, [here, *paths, *rest])
            # A directory without an __init__ is not a package: a virtual environment, for example.
            if theirs is None or theirs.origin is None:
                added.append(place)
    return os.pathsep.join([*paths, *(path for path in added if path not in paths)])


def say(line: str) -> None:
    print(f"edgepaas: {line}", file=sys.stderr, flush=True)


def _tell(found: Mode, deployed: bool) -> None:
    where = f"release {os.environ['EDGEPAAS_RELEASE']}" if deployed else "local"
    if found.fallback:
        say(f"WARNING: {where} is on SQLite, not on Postgres: {found.reason}")
        say(
            "WARNING: it stays there, and what is written stays there; to go back: inv db.use --mode postgres"
        )
    else:
        say(f"{where}, database: {found.final}")


def _tune(url: str) -> None:
    """Write-ahead logging for the file, which keeps it: both slots read it while one of them writes."""
    path = re.sub(r"^sqlite(\+\w+)?:///", "", url).partition("?")[0]
    if not path.startswith("/") or not os.path.isdir(os.path.dirname(path)):
        return
    try:
        import sqlite3

        connection = sqlite3.connect(path, timeout=10)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    except Exception as error:  # also a Python that was built without it
        say(f"warning: no write-ahead log for SQLite: {type(error).__name__}")


def _is_on(text: str) -> bool:
    return text.lower() in ("true", "yes", "on", "1")


def _migrate(environ: dict[str, str], url: str) -> None:
    from .migrations import migrate, scripts
    from .migrations.refused import MigrationRefused

    name = environ.get("EDGEPAAS_MIGRATION_URL", "")
    direct = environ.get(name, "") if name else url
    os.environ["DATABASE_URL"] = url  # for the app's own modules, that its scripts import
    try:
        chain = scripts.read(environ.get("EDGEPAAS_ALEMBIC") or "alembic.ini")
        if chain is None:
            say("nothing to migrate: there is no Alembic")
            return
        allowed = _is_on(environ.get(DESTRUCTIVE, ""))
        done = migrate.up(direct, chain, allow_destructive=allowed, wait=60.0)
        say(f"schema at {', '.join(done['at']) or 'nothing'}, {len(done['applied'])} applied")
    except MigrationRefused as refused:
        if refused.kind == "ahead":
            # An older release that starts again beside a newer one: it has served on that schema before.
            say(f"warning: {refused}; serving on it")
            return
        for line in str(refused.details.get("said", "")).splitlines():
            say(line)
        details = [str(refused.details.get(key, "")) for key in ("revision", "statement")]
        if refused.kind == "destructive":
            details = [f"read the scripts, then start once with {DESTRUCTIVE}=true"]
        raise NotStarted("; ".join([str(refused), *filter(None, details)])) from None


def _publish(environ: dict[str, str]) -> None:
    """Write the file for shells, if there is a directory in memory for it."""
    values = {
        name: value for name, value in environ.items() if name not in _OWN and _NAME.fullmatch(name)
    }
    text = canonical.render(values).encode("utf-8", "surrogateescape")
    try:
        descriptor = os.open(f"{FILE}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        os.replace(f"{FILE}.new", FILE)
    except OSError:
        if "EDGEPAAS_RELEASE" in environ:
            raise NotStarted(f"{os.path.dirname(FILE)} cannot be written") from None


def _forget_coercion() -> None:
    """Without a locale Python sets one for what it starts (PEP 538); the app was not given it."""
    try:
        with open("/proc/self/environ", "rb") as file:
            given = file.read().split(b"\0")
    except OSError:
        return
    if not any(item.startswith(b"LC_CTYPE=") for item in given):
        os.environ.pop("LC_CTYPE", None)


def _become(words: list[str]) -> None:
    # Python ignores these two, and what it starts would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(words[0], words)
    except FileNotFoundError:
        raise NotStarted(f"the image has no {words[0]}") from None
    except OSError as error:
        raise NotStarted(f"{words[0]} cannot be run: {error.strerror}") from None


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
