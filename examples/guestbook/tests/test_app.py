"""The guestbook by itself, each test in a process of its own: its settings are read once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HEAD = """
from fastapi.testclient import TestClient
from guestbook.app import app
from guestbook import database
from sqlalchemy import text
"""


@pytest.fixture
def run(tmp_path):
    def run(code, wait=True, **more):
        environment = dict(os.environ, DATABASE_URL=f"sqlite:///{tmp_path}/book.db", **more)
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + code],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        if wait:
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
            return said
        return process

    return run


ADD = """
with TestClient(app) as client:
    answer = client.post("/api/entries", json={"author": "ann", "text": "<b>hi</b>"})
    assert answer.status_code == 201, answer.text
"""


def test_an_entry_survives_a_restart_and_is_escaped(run):
    run(ADD)
    run("""
with TestClient(app) as client:
    assert client.get("/api/entries").json()[0]["author"] == "ann"
    page = client.get("/").text
    assert "&lt;b&gt;hi" in page and "<b>hi" not in page
    assert client.get("/health/ready").status_code == 200
""")


def test_the_form_leads_back_to_the_page(run):
    run("""
with TestClient(app) as client:
    sent = client.post("/entries", data={"author": "a", "text": "b"}, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "/")
    assert client.post("/entries", data={"author": "", "text": "b"}).status_code == 422
    assert client.post("/api/entries", json={"author": "a" * 81, "text": "b"}).status_code == 422
""")


@pytest.mark.parametrize("with_env", [False, True])
def test_without_a_schema_it_is_not_ready_and_says_nothing_of_hosts(run, with_env):
    repository = str(ROOT.parents[1]) if with_env else "/nowhere"
    run(
        f"""
import sys
assert ("edgepaas_tasks.env.health" in sys.modules) is {with_env}
client = TestClient(app)  # no lifespan: nothing was migrated
answer = client.get("/health/ready")
assert answer.status_code == 503
assert answer.json()["database"] == "other"
assert answer.json()["database_mode"] == "sqlite_only"
assert "book.db" not in answer.text
assert client.get("/health/live").status_code == 200
""",
        PYTHONPATH=repository,
    )


def test_a_log_is_json_where_it_is_asked_for(run):
    said = run("""
import logging, sys
logging.getLogger("uvicorn").handlers = [logging.StreamHandler(sys.stderr)]
from guestbook import logs
logs.configure("json")
logging.getLogger("uvicorn").error("it's %s", "here")
""")
    assert json.loads(said.splitlines()[-1])["message"] == "it's here"


def test_a_schema_of_a_newer_version_is_served_and_left_alone(run):
    run(ADD)
    run("""
with database.Write.begin() as session:
    session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
with TestClient(app) as client:
    assert client.get("/health/ready").status_code == 200
assert database.revision() == "9999"
""")


def test_two_that_start_at_once_migrate_once(run):
    both = [run(ADD, wait=False) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    run("""
with TestClient(app) as client:
    assert len(client.get("/api/entries").json()) == 2
""")
