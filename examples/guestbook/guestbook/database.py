"""The engine, sessions, and the schema brought up to date."""

import fcntl
import logging
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import sessionmaker

from guestbook.settings import settings

log = logging.getLogger("uvicorn.error")
ROOT = Path(__file__).parents[1]


def make_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        # A database that is gone is told in seconds, not when the network gives up.
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    engine = create_engine(url, connect_args={"timeout": 10})

    @event.listens_for(engine, "connect")
    def _connect(connection, _record):  # type: ignore[no-untyped-def]
        # Both slots write to one file: the write-ahead log lets readers read meanwhile, and writers wait their turn.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "busy_timeout=10000",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection):  # type: ignore[no-untyped-def]
        # A transaction that reads first and writes later cannot wait for its turn; one that begins as a writer can.
        connection.exec_driver_sql(
            "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
        )

    return engine


engine = make_engine(settings.database_url)
Write = sessionmaker(engine)
Read = sessionmaker(engine.execution_options(reads=True))


def upgrade() -> None:
    """The schema at the newest revision that this code knows; a newer one, left by a later version, is left alone."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(str(ROOT / "alembic.ini"))
    script = ScriptDirectory.from_config(config)
    with _alone():
        found = revision()
        if found is not None and found not in {one.revision for one in script.walk_revisions()}:
            log.warning(
                "the schema is at %s, which this version does not know: serving on it", found
            )
        elif found != script.get_current_head():
            command.upgrade(config, "head")
            log.info("the schema is at %s", revision())


def revision() -> str | None:
    with engine.execution_options(reads=True).connect() as connection:
        if not engine.dialect.has_table(connection, "alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


class _alone:
    """Two containers that start at once bring up the schema once. Only SQLite: a file beside the database."""

    def __enter__(self) -> None:
        self._file = None
        if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
            self._file = open(f"{engine.url.database}.lock", "w")
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
