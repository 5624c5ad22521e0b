"""What stands before a database is emptied, in the container itself."""

from contextlib import contextmanager

import pytest

from edgepaas_tasks.env.migrations import reset
from edgepaas_tasks.env.migrations.refused import MigrationRefused


class Lock:
    """A session that tells its database's name, and notes whatever else it is asked."""

    def __init__(self):
        self.asked = []

    def rows(self, statement):
        self.asked.append(statement)
        return [["guestbook"]]


class Chain:
    head = ""


@pytest.fixture
def lock(monkeypatch):
    found = Lock()

    @contextmanager
    def alone(url, wait):
        yield found

    monkeypatch.setattr(reset, "alone", alone)
    monkeypatch.setattr(reset, "revisions", lambda lock: [])
    return found


@pytest.mark.parametrize("environment", ["production", "prod-eu", "live"])
def test_production_is_not_even_connected_to(lock, monkeypatch, environment):
    monkeypatch.setenv("EDGEPAAS_ENVIRONMENT", environment)
    with pytest.raises(
        MigrationRefused, match=f"{environment} is production-like: it is never reset"
    ):
        reset.reset("postgresql://u:p@h/guestbook", Chain(), "guestbook", wait=1)
    assert lock.asked == []


def test_a_server_that_leads_elsewhere_than_the_name_says_is_left_alone(lock, monkeypatch):
    monkeypatch.setenv("EDGEPAAS_ENVIRONMENT", "lab")
    with pytest.raises(MigrationRefused, match="the database is guestbook, not another"):
        reset.reset("postgresql://u:p@h/another", Chain(), "another", wait=1)
    assert lock.asked == ["SELECT current_database()"]


def test_with_its_own_name_it_is_emptied(lock, monkeypatch):
    monkeypatch.setenv("EDGEPAAS_ENVIRONMENT", "lab")
    reset.reset("postgresql://u:p@h/guestbook", Chain(), "guestbook", wait=1)
    assert "DROP" in lock.asked[1]


def test_a_table_of_revisions_in_another_schema_goes_too(lock, monkeypatch):
    """It would say that the empty database is at the head."""
    monkeypatch.setenv("EDGEPAAS_ENVIRONMENT", "lab")
    monkeypatch.setenv("EDGEPAAS_VERSION_TABLE_SCHEMA", "own")
    reset.reset("postgresql://u:p@h/guestbook", Chain(), "guestbook", wait=1)
    assert 'DROP TABLE IF EXISTS "own"."alembic_version";' in lock.asked[1], "in one statement"
