"""Deploys in try_postgres: who is on Postgres stays there through any outage; who fell back, until somebody decides."""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from .conftest import begin_anew
from .rows_reader import Reader

# Seconds that the database is away in the middle of a deploy.
OUTAGE = 30 if os.environ.get("EDGEPAAS_SOAK") else 4


@pytest.fixture(scope="module")
def site(served):
    """Nothing deployed yet, and a database that is down."""
    served.over = {
        "database": {"mode": "try_postgres", "wait": 1},
        "health": {"timeout": 90},
        "variables": {"DATABASE_URL": {"type": "url", "secret": True, "required": True}},
    }
    begin_anew(served, **served.over)
    served.server.stop()
    yield served
    served.server.start()


def database(site) -> dict:
    return site.status()[0]["database"]


def ready(site) -> tuple[int, dict]:
    try:
        # The app gives up on its database after some seconds.
        with urllib.request.urlopen(f"{site.url}/health/ready", timeout=60) as answer:
            return 200, json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read()
        return error.code, json.loads(said) if said.startswith(b"{") else {}  # or it is nginx's


def deploy(site, *words, code=0, **database):
    given = {**site.over["database"], **database}
    site.configure(**{**site.over, "database": given})
    done = site.deploy(*words, code=code)
    assert site.server.password not in done.stdout + done.stderr
    return done


def test_a_first_deploy_without_a_database_is_on_sqlite_and_says_so_everywhere(site):
    done = deploy(site, "--version", "fallen-back")
    assert "migrate" in done.stderr
    assert "not done: the " in done.stderr
    found = database(site)
    assert (found["mode"], found["fallback"]) == ("sqlite_only", True)
    said = site.inv("status", "--env", "lab").stdout
    assert "WARNING: on SQLite, not on Postgres: the " in said
    assert "inv db.use --mode postgres --env lab" in said
    status, body = ready(site)
    assert status == 200
    assert body["fallback"]["from"] == "postgres_only"
    assert site.server.address not in json.dumps(body)
    slot = site.status()[0]["slot"]
    log = site.host.run(f"docker logs guestbook-lab-{slot} 2>&1")
    assert "edgepaas: WARNING: release 1 is on SQLite, not on Postgres" in log
    site.write("written on SQLite")
    # A file, a write-ahead log that all readers see, one owner.
    owners = site.host.run("cd /opt/edgepaas/guestbook-lab/data && stat -c %u * | sort -u")
    assert owners == "10001"
    mode = site.host.run(
        f'docker exec guestbook-lab-{slot} python -c "import sqlite3; '
        "print(sqlite3.connect('/data/guestbook.db').execute('PRAGMA journal_mode').fetchone()[0])\""
    )
    assert mode == "wal"


def test_it_stays_there_though_the_database_comes_back(site):
    site.server.start()
    deploy(site, "--version", "still-on-sqlite")
    assert database(site)["mode"] == "sqlite_only"
    assert site.entries() == ["written on SQLite"]
    said = site.inv("db", "--env", "lab").stdout
    assert "try_postgres is set" in said
    assert "edge1: sqlite_only, release 2" in said
    assert "is on SQLite" in site.inv("migrate.status", "--env", "lab", code=1).stderr


def test_a_person_moves_it_to_postgres_and_nothing_is_copied_or_dropped(site):
    done = site.inv("db.use", "--env", "lab", "--mode", "postgres")
    assert "moved the database of guestbook still-on-sqlite" in done.stdout
    assert "1 applied, now at 0001" in done.stderr
    assert database(site) == {"mode": "postgres_only", "fallback": False} | {
        key: database(site)[key] for key in ("since", "reason")
    }
    assert site.entries() == []
    site.write("written on Postgres")
    kept = site.host.run(
        'python3 -c "import sqlite3; print(sqlite3.connect('
        "'file:/opt/edgepaas/guestbook-lab/data/guestbook.db?mode=ro', uri=True)"
        ".execute('SELECT text FROM entries').fetchall())\""
    )
    assert "written on SQLite" in kept
    again = site.inv("db.use", "--env", "lab", "--mode", "postgres").stdout
    assert "on postgres already, nothing was changed" in again


def test_a_database_that_goes_away_under_the_app_takes_nobody_anywhere(site):
    live = site.status()[0]
    site.server.stop()
    status, body = ready(site)
    assert status == 503
    assert body["database_mode"] == "postgres_only"
    assert body["database"] in ("refused", "timeout", "starting")
    assert site.get("/health/live") == {"status": "live"}

    # Not by a deploy, which is refused and leaves the old release live;
    said = deploy(site, "--version", "in-the-outage", code=1).stderr
    assert "next:  DATABASE_URL, the database's firewall" in said
    assert site.status()[0]["release"] == live["release"]
    # not by the settings;
    on_sqlite = {**site.over, "database": {"mode": "sqlite_only"}}
    site.configure(**on_sqlite)
    said = site.deploy("--version", "by-settings", code=2).stderr
    assert "leads to Postgres, and database.mode is sqlite_only" in said
    elsewhere = {"type": "url", "secret": True, "environments": ["elsewhere"]}
    site.configure(**{**on_sqlite, "variables": {"DATABASE_URL": elsewhere}})
    said = site.deploy("--version", "by-settings", code=1).stderr
    assert (
        f"the live release {live['release']} is on Postgres, and this one would be on SQLite"
        in said
    )
    # and not by a start of the live container.
    site.configure(**site.over)
    site.host.run(f"docker restart -t 5 guestbook-lab-{live['slot']}")
    said, log = "the rows of this app are there: not falling back to SQLite", ""
    deadline = time.monotonic() + 60
    while said not in log:
        assert time.monotonic() < deadline, log
        time.sleep(0.5)
        log = site.host.run(f"docker logs --tail 20 guestbook-lab-{live['slot']} 2>&1")
    site.server.start()
    deadline = time.monotonic() + 90
    while ready(site)[0] != 200:
        assert time.monotonic() < deadline, log
        time.sleep(0.5)
    assert site.entries() == ["written on Postgres"]
    assert database(site)["mode"] == "postgres_only"


def test_an_outage_in_the_middle_of_a_deploy_ends_on_postgres(site):
    with Reader(site) as reader:
        site.server.stop()
        back = threading.Timer(OUTAGE, site.server.start)
        back.start()
        done = deploy(site, "--version", "through-the-outage", wait=90)
        back.join()
    assert "nothing pending" in done.stderr
    assert database(site)["mode"] == "postgres_only"
    assert reader.seen == {("written on Postgres",)}, "nobody was shown an empty file"
    assert reader.gap > OUTAGE - 1, "the deploy was in the outage"
    print(
        f"an outage of {OUTAGE} s: {reader.answered} answers, {reader.failed} errors, {reader.gap:.1f} s without"
    )
    assert site.entries() == ["written on Postgres"]


def test_the_gate_itself_refuses_a_release_that_would_fall_back(site):
    """The database is there for the migration, and gone for the start."""
    live = site.status()[0]
    site.server.stop()
    # Nothing to migrate: the start is the first to ask.
    said = deploy(site, "--version", "gated", code=1, alembic="none.ini").stderr
    assert "did not become healthy" in said
    assert "the rows of this app are there: not falling back to SQLite" in said
    assert site.status()[0]["release"] == live["release"]


def test_with_the_flag_it_goes_to_sqlite_and_a_rollback_decides_anew(site):
    deploy(site, "--version", "by-flag", "--allow-fallback")
    assert database(site)["mode"] == "sqlite_only"
    assert site.entries() == ["written on SQLite"]
    site.server.start()
    site.inv("db.use", "--env", "lab", "--mode", "postgres")
    assert site.entries() == ["written on Postgres"]
    # The release before it was on SQLite; gone back to, it is where the users are.
    site.inv("rollback", "--env", "lab")
    assert database(site)["mode"] == "postgres_only"
    assert site.entries() == ["written on Postgres"]


def test_preflight_tells_what_would_happen(site):
    found = json.loads(site.inv("preflight", "--env", "lab", "--json").stdout)["checks"]
    (check,) = [one for one in found if one["name"] == "database"]
    assert check["verdict"] == "ok"


def test_with_a_root_certificate_the_server_is_verified(site):
    (site.folder / "root.crt").write_text(site.server.certificate("otherca"))
    over = {"mode": "postgres_only", "wait": 1, "root_certificate": "root.crt"}
    site.configure(**{**site.over, "database": over})
    said = site.deploy("--version", "wrong-authority", code=1).stderr
    assert "the server's certificate is not the one that is trusted" in said
    (site.folder / "root.crt").write_text(site.server.certificate())
    site.deploy("--version", "verified")
    slot = site.status()[0]["slot"]
    given = site.host.run(f"docker exec guestbook-lab-{slot} cat /run/edgepaas/env")
    assert "?sslmode=verify-full" in given
    assert "PGSSLROOTCERT='/opt/edgepaas/root.crt'" in given
    assert site.entries() == ["written on Postgres"]
    assert site.inv("migrate.status", "--env", "lab").stdout.endswith("nothing pending\n")

    # A backup on this machine finds the same authority, by libpq as pg_dump does.
    program = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).info.dbname)"
    over = {**over, "backup": f'{sys.executable} -c "{program}"'}
    site.configure(**{**site.over, "database": over})
    at = site.server.sql("SELECT version_num FROM alembic_version")
    url = site.server.url.replace("postgresql://", "postgresql+psycopg://")
    done = site.inv("migrate.down", "--env", "lab", "--to", at, DATABASE_URL=url)
    assert f"backup taken (guestbook); from {at} down to {at}" in done.stdout
