"""The application's own Alembic, run as a process of its own."""

import json

import pytest

from edgepaas_tasks.env.migrations import scripts
from edgepaas_tasks.env.migrations.refused import MigrationRefused

ENTRY = """
import json, os, sqlite3
from alembic import context
from sqlalchemy import create_engine

SAID = []


class Cursor(sqlite3.Cursor):
    def execute(self, statement, *more):
        SAID.append(statement)
        return super().execute(statement, *more)


class Noting(sqlite3.Connection):
    def cursor(self, factory=Cursor):
        return super().cursor(factory)


engine = create_engine("sqlite://", creator=lambda: sqlite3.connect("app.db", factory=Noting))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
with open("said.json", "w") as file:
    json.dump({"statements": SAID, "options": os.environ.get("PGOPTIONS")}, file)
"""
SCRIPT = """
from alembic import op

revision = "1"
down_revision = None


def upgrade():
    op.execute("SELECT {what}")
"""
URL = "postgresql://u:s3cret@h/d"


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """One script, and an engine that notes what is said to its database: one that knows no SET at all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PGOPTIONS", raising=False)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    (tmp_path / "migrations" / "env.py").write_text(ENTRY)

    def chain(what="1"):
        (tmp_path / "migrations" / "versions" / "1.py").write_text(SCRIPT.format(what=what))
        return scripts.read("alembic.ini")

    return chain


def test_every_session_of_a_migration_has_our_limits_by_whichever_driver(chain, tmp_path):
    scripts.alembic(chain(), URL, "upgrade", "1")
    said = json.loads((tmp_path / "said.json").read_text())
    limits = [one for one in said["statements"] if one.startswith("SET ")]
    assert "SET lock_timeout = '10s'" in limits
    assert "SET client_connection_check_interval = '1s'" in limits
    assert said["statements"][: len(limits)] == limits, "before anything else"
    assert said["options"] is None, "asyncpg reads none, and a pooler may refuse them"


def test_a_setting_that_the_server_does_not_know_stops_nothing(chain, tmp_path):
    scripts.alembic(chain(), URL, "upgrade", "1")
    assert "SELECT 1" in json.loads((tmp_path / "said.json").read_text())["statements"]


def test_what_failed_is_named_as_alembic_says_it(chain):
    with pytest.raises(MigrationRefused, match="alembic upgrade 1 failed") as refused:
        scripts.alembic(chain("nonsense"), URL, "upgrade", "1")
    assert refused.value.details["statement"] == "SELECT nonsense"
    assert "no such column: nonsense" in refused.value.details["said"]
