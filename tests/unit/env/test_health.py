"""What an app says of itself, and what it never says."""

import asyncio
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine

from edgepaas_tasks.env import health

SECRETS = ("db.internal", "10.1.2.3", "shopuser", "s3cret")


class Broken:
    """An engine whose database fails as a driver tells it."""

    class dialect:
        name = "postgresql"

    def __init__(self, said):
        self.said = said

    def connect(self):
        raise RuntimeError(self.said)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("FINAL_DB_MODE", "DATABASE_URL", "EDGEPAAS_FALLBACK_SINCE"):
        monkeypatch.delenv(name, raising=False)


def test_to_be_live_nothing_else_is_asked():
    assert health.live() == (200, {"status": "live"})


def test_sqlite_is_ready_without_any_question_of_alembic(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    wanted = {"status": "ready", "database": "ready", "database_mode": "sqlite_only"}
    assert health.ready(engine) == (200, wanted)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            "connection to server at db.internal (10.1.2.3), port 5432 failed: Connection refused",
            "refused",
        ),
        ('password authentication failed for user "shopuser"', "password"),
        ("could not translate host name db.internal to address", "name"),
        ("something about s3cret and shopuser", "other"),
    ],
)
def test_a_failure_is_one_of_our_words_and_names_nobody(said, kind, caplog):
    status, body = health.ready(Broken(said))
    assert status == 503
    assert body == {"status": "not ready", "database": kind, "database_mode": "postgres_only"}
    assert not [word for word in SECRETS if word in caplog.text + str(body)]
    assert "not ready" in caplog.text


def test_the_apps_own_question_counts(tmp_path):
    def check():
        raise LookupError("no table entries for shopuser")

    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    status, body = health.ready(engine, check)
    assert (status, body["database"]) == (503, "other")
    assert "shopuser" not in str(body)


def test_a_fallback_is_told_to_whoever_asks(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEPAAS_FALLBACK_SINCE", "1700000000")
    monkeypatch.setenv("EDGEPAAS_FALLBACK_REASON", "refused")
    _, body = health.ready(create_engine(f"sqlite:///{tmp_path}/x.db"))
    assert body["fallback"] == {"from": "postgres_only", "since": 1700000000, "reason": "refused"}


def test_an_engine_of_asyncio_is_asked_the_same():
    class Connection:
        def __init__(self, answers):
            self.answers = answers

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

        async def exec_driver_sql(self, statement):
            for part, value in self.answers.items():
                if part in statement:
                    return SimpleNamespace(scalar=lambda value=value: value)
            raise AssertionError(statement)

    class Engine(Broken):
        def connect(self):
            return Connection({"to_regclass": "alembic_version", "version_num": "0002"})

    status, body = asyncio.run(health.ready_async(Engine("")))
    assert (status, body["revision"]) == (200, "0002")

    async def check():
        raise LookupError

    assert asyncio.run(health.ready_async(Engine(""), check))[0] == 503
