"""Which database a start takes, as a table; and that what is decided once stays decided."""

import json
import os

import pytest

from edgepaas_tasks.env import mode
from edgepaas_tasks.env.mode import NotStarted, resolve

URL = "postgresql://u:s3cret@db.example/d?sslmode=require"
UP, DOWN = "ok", "refused"


@pytest.fixture
def database(monkeypatch):
    """What each try says, the last one forever; `tries` counts them."""

    class Database:
        answers = [UP]
        tries = 0

    def reach(url, timeout):
        Database.tries += 1
        return Database.answers[min(Database.tries, len(Database.answers)) - 1], "", None

    monkeypatch.setattr(mode, "reach", reach)
    monkeypatch.setattr(mode, "PAUSE", 0.01)
    return Database


@pytest.fixture
def start(database, tmp_path):
    """One start of a release in try_postgres; `said` has what it told."""

    def start(*answers, release="5", wait="0.05", **more):
        database.answers, database.tries = list(answers) or [UP], 0
        environ = {
            "FINAL_DB_MODE": "try_postgres",
            "DATABASE_URL": URL,
            "EDGEPAAS_SQLITE": f"{tmp_path}/app.db",
            "EDGEPAAS_RELEASE": release,
            "EDGEPAAS_DATABASE_WAIT": wait,
            **more,
        }
        start.said = []
        return resolve(environ, start.said.append)

    return start


@pytest.mark.parametrize(
    ("environ", "final"),
    [
        ({}, "sqlite_only"),
        ({"DATABASE_URL": "sqlite:////data/x.db"}, "sqlite_only"),
        ({"DATABASE_URL": URL}, "postgres_only"),
        ({"DATABASE_URL": URL, "FINAL_DB_MODE": "postgres_only"}, "postgres_only"),
    ],
)
def test_without_a_fallback_the_mode_is_what_is_asked_for(database, environ, final):
    assert resolve(environ, print).final == final


def test_sqlite_only_is_never_on_postgres(database):
    """Also where a container is started by hand, with whatever DATABASE_URL there is."""
    environ = {"DATABASE_URL": "postgresql+psycopg://u:p@h/d", "FINAL_DB_MODE": "sqlite_only"}
    with pytest.raises(NotStarted, match="leads elsewhere, and EDGEPAAS_SQLITE names no file"):
        resolve(environ, print)
    found = resolve({**environ, "EDGEPAAS_SQLITE": "/data/app.db"}, print)
    assert (found.final, found.url, found.fallback) == (
        "sqlite_only",
        "sqlite:////data/app.db",
        False,
    )
    assert database.tries == 0


def test_the_url_that_was_tested_is_the_one_that_is_used(monkeypatch):
    tested = []
    monkeypatch.setattr(mode, "reach", lambda url, _: tested.append(url) or (UP, "", None))
    given = "postgres://u:p%40w@db.example/d?application_name=x"
    found = resolve({"DATABASE_URL": given}, print)
    assert tested == [found.url]
    assert found.url == "postgresql://u:p%40w@db.example/d?application_name=x&sslmode=require"


def test_a_postgres_that_comes_late_is_waited_for(start, database):
    assert start(DOWN, DOWN, UP, wait="30").final == "postgres_only"
    assert database.tries == 3
    assert start.said == [
        "the database's host refuses connections on that port: waiting up to 30 s"
    ]


@pytest.mark.parametrize("verdict", ["password", "database", "certificate", "tls", "other"])
def test_a_mistake_is_not_waited_for_and_never_a_reason_to_fall_back(start, database, verdict):
    for wished in ("try_postgres", "postgres_only"):
        with pytest.raises(NotStarted):
            start(verdict, wait="30", FINAL_DB_MODE=wished)
        assert database.tries == 1


def test_without_a_driver_of_ours_postgres_only_is_not_asked_and_try_postgres_refused(start):
    assert start("driver", FINAL_DB_MODE="postgres_only").final == "postgres_only"
    with pytest.raises(NotStarted, match="no driver"):
        start("driver")


def test_postgres_only_never_falls_back(start, tmp_path):
    with pytest.raises(NotStarted, match="refuses connections"):
        start(DOWN, FINAL_DB_MODE="postgres_only")
    assert os.listdir(tmp_path) == []


def test_a_first_start_without_postgres_is_on_sqlite_and_stays_there(start, tmp_path):
    first = start(DOWN)
    assert (first.final, first.fallback) == ("sqlite_only", True)
    assert first.url == f"sqlite:///{tmp_path}/app.db"
    assert "refuses connections" in first.reason
    again = start(UP)
    assert (again.final, again.since, again.reason) == ("sqlite_only", first.since, first.reason)
    # And so is the release after it, until somebody says otherwise.
    assert start(UP, release="6", EDGEPAAS_DATABASE_BEFORE="sqlite_only").final == "sqlite_only"
    assert start(UP, release="7", EDGEPAAS_DATABASE_BEFORE="postgres_only").final == "postgres_only"


def test_no_url_at_all_is_a_reason_too(start):
    assert start(DATABASE_URL="").reason == "DATABASE_URL is not set"
    with pytest.raises(NotStarted):
        start(DATABASE_URL="", release="6", EDGEPAAS_DATABASE_BEFORE="postgres_only")


def test_an_outage_moves_nobody_who_is_on_postgres(start, tmp_path):
    assert start(UP).final == "postgres_only"
    for _ in range(2):
        with pytest.raises(NotStarted, match="the rows of this app are there"):
            start(DOWN)
    assert start(UP).final == "postgres_only"
    # Nor does a new release, when the one before it is on Postgres; what it did not decide it may decide later.
    with pytest.raises(NotStarted, match="--allow-fallback"):
        start(DOWN, release="6", EDGEPAAS_DATABASE_BEFORE="postgres_only")
    assert start(UP, release="6", EDGEPAAS_DATABASE_BEFORE="postgres_only").final == "postgres_only"
    assert "app.db" not in os.listdir(tmp_path)


def test_what_is_decided_lies_beside_the_data_without_any_address(start, tmp_path):
    start(DOWN)
    text = (tmp_path / ".edgepaas-database-5.json").read_text()
    assert json.loads(text)["mode"] == "sqlite_only"
    assert "db.example" not in text
    assert "s3cret" not in text


def test_a_decision_that_can_not_be_kept_is_none(start, tmp_path):
    with pytest.raises(NotStarted, match="cannot be written"):
        start(DOWN, EDGEPAAS_SQLITE=f"{tmp_path}/nowhere/app.db")


def test_a_record_that_is_not_ours_is_decided_again(start, tmp_path):
    (tmp_path / ".edgepaas-database-5.json").write_text("{")
    assert start(UP).final == "postgres_only"
