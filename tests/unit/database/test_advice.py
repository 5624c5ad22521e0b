"""What to do next about a migration: each reason that the container can give has a next step of its own."""

import ast
from pathlib import Path

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.database import advice
from edgepaas_tasks.env.reach import OK, VERDICTS
from edgepaas_tasks.variables import environment

ENV = Path(__file__).parents[3] / "env"


def told(kind, action="up", direct=""):
    return advice.after(kind, action, release=7, env="test", direct=direct)


def reasons():
    """Every kind that `env` refuses with, or answers with."""
    found = set(VERDICTS) - {OK}
    for path in ENV.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MigrationRefused":
                found |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found |= {
                    value.value
                    for key, value in pairs
                    if isinstance(key, ast.Constant)
                    and key.value == "kind"
                    and isinstance(value, ast.Constant)
                }
    return found - {"none"}


def test_every_reason_has_a_next_step_of_its_own():
    found = reasons()
    assert {"pooler", "diverged", "unknown", "elsewhere", "password", "other"} <= found
    steps = [told(kind) for kind in sorted(found)]
    assert len(set(steps)) == len(steps)
    assert all("{" not in step for step in steps)


@pytest.mark.parametrize(
    ("kind", "action", "said", "never"),
    [
        ("unknown", "down", "--to one of these", "DATABASE_URL"),
        ("diverged", "up", "alembic_version", "alembic merge"),
        ("failed", "up", "the old release keeps serving", "migrate.down"),
        ("failed", "down", "the script's downgrade", "the old release keeps serving"),
        ("failed", "reset", "the database is empty", "the old release keeps serving"),
        ("driver", "up", "psycopg", "firewall"),
        ("destructive", "up", "inv migrate.sql --release 7 --env test", "firewall"),
        ("chain", "up", "down_revision", "firewall"),
        ("scripts", "up", "alembic heads", "firewall"),
    ],
)
def test_it_is_about_what_went_wrong(kind, action, said, never):
    assert said in told(kind, action)
    assert never not in told(kind, action)


def test_the_variable_that_was_tried_is_the_one_to_look_at():
    assert "DATABASE_URL" in told("timeout")
    assert "DATABASE_URL" not in told("timeout", direct="DIRECT")
    assert "in DIRECT" in told("password", direct="DIRECT")
    assert "set edgepaas.database.migration_url" in told("pooler")
    assert told("pooler", direct="DIRECT").startswith("a URL to the server itself in DIRECT")


URL = {"type": "url", "secret": True}


@pytest.mark.parametrize(
    ("mode", "declared", "given", "problem"),
    [
        ("postgres_only", {"DIRECT": URL}, {}, "has no value, and migrations take its URL"),
        ("postgres_only", {"DIRECT": URL}, {"DIRECT": ""}, "has no value"),
        ("postgres_only", {}, {}, "is not declared, and migrations take its URL"),
        ("postgres_only", {"DIRECT": URL}, {"DIRECT": "postgresql://db/shop"}, ""),
        ("postgres_only", {"DIRECT": {**URL, "required": True}}, {}, "is required (url)"),
        ("try_postgres", {"DIRECT": URL, "DATABASE_URL": URL}, {}, ""),
        ("sqlite_only", {"DIRECT": URL}, {}, ""),
    ],
)
def test_a_direct_url_without_a_value_is_a_mistake_of_the_variables(
    monkeypatch, tmp_path, mode, declared, given, problem
):
    monkeypatch.chdir(tmp_path)
    for name in ("DIRECT", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    database = {"mode": mode, "migration_url": "DIRECT"}
    tree = {"app": "shop", "variables": declared, "database": database}
    chosen = settings.load({**tree, "environments": {"test": {}}}, "test")
    found = [str(one) for one in environment.collect(chosen, ()).problems]
    assert len(found) == bool(problem)
    assert problem in "".join(found)
    assert not problem or found[0].startswith("DIRECT")
