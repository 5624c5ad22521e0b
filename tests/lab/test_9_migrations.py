"""Migrations of a real Postgres over TLS: once, under a lock, never half done, refused where they lose something."""

import json
import re
import subprocess
import time

import pytest

from edgepaas_tasks import oneoff
from edgepaas_tasks.lab import postgres

from .conftest import ROOT, make

SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    {up}


def downgrade() -> None:
    op.drop_column("entries", "mood")
"""
ADD = 'op.add_column("entries", sa.Column("mood", sa.String(20)))'


@pytest.fixture(scope="module")
def site(docker, tmp_path_factory):
    """A ready host and a Postgres server beside it, with the first release live."""
    for project in make(tmp_path_factory.mktemp("migrations"), 1, postgres=True):
        project.server = postgres.find(project.state)
        project.over = {
            "database": {"mode": "postgres_only"},
            "variables": {"DATABASE_URL": {"type": "url", "secret": True, "required": True}},
        }
        project.configure(**project.over)
        (project.folder / ".env").write_text(f"DATABASE_URL={project.server.url}\n")
        project.inv("setup", "--env", "lab")
        done = project.deploy("--version", "one")
        assert "1 applied, now at 0001: 0001 entries" in done.stderr
        project.write("the first entry")
        yield project


def second(project, up=ADD) -> None:
    path = project.app / "migrations" / "versions" / "0002_mood.py"
    path.write_text(SECOND.format(up=up))


def revision(project) -> str:
    return project.server.sql("SELECT version_num FROM alembic_version")


def columns(project) -> str:
    return project.server.sql(
        "SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns "
        "WHERE table_name = 'entries'"
    )


def test_a_deploy_without_a_migration_runs_none(site):
    site.change()
    assert "at 0001, nothing pending" in site.deploy("--version", "same-schema").stderr
    assert "nothing pending" in site.inv("migrate", "--env", "lab").stdout


def test_a_migration_that_fails_half_way_changes_nothing_and_is_named(site):
    before = columns(site)
    second(site, f'{ADD}\n    op.execute("SELECT nonsense FROM entries")')
    done = site.deploy("--version", "half-way", code=1)
    assert "alembic upgrade 0002 failed" in done.stderr
    assert "statement: SELECT nonsense FROM entries" in done.stderr
    assert "mend the script and deploy again; the old release serves on" in done.stderr
    assert columns(site) == before
    assert revision(site) == "0001"
    assert site.get("/version")["version"] == "same-schema"
    assert site.entries() == ["the first entry"]
    assert site.host.run("docker ps -a --filter label=edgepaas.one-off -q") == ""


def test_the_next_deploy_with_the_script_mended_works(site):
    second(site)
    done = site.deploy("--version", "two")
    assert "1 applied, now at 0002" in done.stderr
    assert "mood" in columns(site)
    assert site.entries() == ["the first entry"]


def test_rolling_back_over_a_newer_schema_is_refused_with_the_way_down(site):
    done = site.inv("rollback", "--env", "lab", code=1)
    assert "the database is at 0002, which the image of release" in done.stderr
    assert "inv migrate.down --to 0001 --env lab" in done.stderr
    assert site.get("/version")["version"] == "two"

    # With the flag the old code serves on the new schema.
    site.inv("rollback", "--env", "lab", "--allow-newer-schema")
    assert site.get("/version")["version"] == "same-schema"
    assert site.entries() == ["the first entry"]
    assert "does not know 0002" in site.inv("migrate.status", "--env", "lab").stdout
    said = site.inv("migrate.up", "--env", "lab", code=1).stderr
    assert "the database is at 0002, which this image does not know" in said

    # And by the way down: from the newer image, then the rollback.
    site.deploy("--version", "two-again")
    assert (
        "from 0002 down to 0001" in site.inv("migrate.down", "--env", "lab", "--to", "0001").stdout
    )
    assert "mood" not in columns(site)
    site.inv("rollback", "--env", "lab")
    assert site.get("/version")["version"] == "same-schema"
    assert site.entries() == ["the first entry"]


def test_what_loses_something_is_refused_unless_it_is_allowed(site):
    second(site, 'op.drop_column("entries", "author")')
    done = site.deploy("--version", "lossy", code=1)
    assert "0002 drops a column (entries.author)" in done.stderr
    assert "then --allow-destructive" in done.stderr
    assert "author" in columns(site)
    assert revision(site) == "0001"
    second(site, f'{ADD}\n    op.execute("DELETE FROM entries WHERE false")')
    assert "runs DELETE FROM" in site.deploy("--version", "lossy-too", code=1).stderr
    site.deploy("--version", "allowed", "--allow-destructive")
    assert revision(site) == "0002"
    assert site.entries() == ["the first entry"]


def one_off(project, *arguments, url=None):
    """The program that a deploy runs, in a container of the live image, started from outside all our code."""
    words = [
        *("docker", "exec", "-i", project.host.host.container, "docker", "run", "--rm"),
        *("-e", f"DATABASE_URL={url or project.server.url}", "--entrypoint", "python3"),
    ]
    image = project.status()[0]["image"]
    text = oneoff.program("database", "reach", "migrate")
    return subprocess.Popen(
        [*words, image, "-c", text, " ".join(arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


UP = ("up", "alembic.ini", "DATABASE_URL", "60")


def test_ten_at_once_migrate_once(site):
    site.inv("migrate.down", "--env", "lab", "--to", "0001")
    before = site.server.log().count("ADD COLUMN mood")
    started = [one_off(site, *UP, "allow-destructive") for _ in range(10)]
    answers = [json.loads(one.communicate(timeout=180)[0].splitlines()[-1]) for one in started]
    assert sorted(len(one["applied"]) for one in answers) == [0] * 9 + [1], answers
    assert all(one["at"] == ["0002"] for one in answers)
    assert site.server.log().count("ADD COLUMN mood") == before + 1


SLEEPING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE query LIKE '%pg_sleep(120)%' AND state = 'active' AND pid <> pg_backend_pid()"
)
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def asleep(site, version):
    """A deploy in the middle of a migration."""
    second(site, f'{ADD}\n    op.execute("SELECT pg_sleep(120)")')
    deploy = site.start("deploy", "--env", "lab", "--version", version)
    deadline = time.monotonic() + 90
    while site.server.sql(SLEEPING) == "0":
        assert time.monotonic() < deadline, deploy.communicate(timeout=5)
        time.sleep(0.2)
    return deploy


def given_back(site) -> None:
    """The lock is free within seconds, and the schema as it was."""
    begun = time.monotonic()
    while site.server.sql(HELD) != "0":
        assert time.monotonic() - begun < 10
        time.sleep(0.2)
    assert revision(site) == "0001"
    assert "mood" not in columns(site)


def test_a_killed_migration_gives_its_lock_back_and_a_rerun_completes(site):
    site.inv("migrate.down", "--env", "lab", "--to", "0001")
    deploy = asleep(site, "killed-container")
    site.host.run("docker kill guestbook-lab-migrate")
    deploy.communicate(timeout=60)
    assert deploy.returncode == 1
    given_back(site)

    deploy = asleep(site, "killed-deploy")
    deploy.kill()
    deploy.communicate(timeout=60)
    given_back(site)

    second(site)
    assert "1 applied, now at 0002" in site.deploy("--version", "after-the-kills").stderr
    assert site.entries() == ["the first entry"]


def test_through_a_transaction_pooler_it_is_refused_and_a_direct_url_helps(site):
    server = site.server
    configuration = (
        "[databases]\n"
        f"guestbook = host=127.0.0.1 port=5432 user=guestbook password={server.password}\n"
        "[pgbouncer]\nlisten_addr = *\nlisten_port = 6432\nauth_type = plain\nauth_file = /tmp/users\n"
        "pool_mode = transaction\nserver_tls_sslmode = require\nlogfile = /tmp/pgbouncer.log\n"
        "pidfile = /tmp/pgbouncer.pid\nclient_tls_sslmode = require\n"
        "client_tls_key_file = /var/lib/postgresql/tls/server.key\n"
        "client_tls_cert_file = /var/lib/postgresql/tls/server.crt\n"
        "client_tls_ca_file = /var/lib/postgresql/tls/ca.crt\n"
        "server_tls_ca_file = /var/lib/postgresql/tls/ca.crt\n"
    )
    text = (
        'printf "%s" "$1" >/tmp/pgbouncer.ini; printf \'"guestbook" "%s"\\n\' "$2" >/tmp/users; '
        "pgbouncer -d /tmp/pgbouncer.ini"
    )
    server.run("sh", "-c", text, "sh", configuration, server.password)
    pooled = server.url.replace(":5432", ":6432")
    (site.folder / ".env").write_text(f"DATABASE_URL={pooled}\n")
    done = site.inv("migrate.up", "--env", "lab", code=1)
    assert "leads through a transaction pooler" in done.stderr
    direct = {"DIRECT_URL": {"type": "url", "secret": True, "required": True}}
    site.configure(
        database={"mode": "postgres_only", "migration_url": "DIRECT_URL"},
        variables={**site.over["variables"], **direct},
    )
    (site.folder / ".env").write_text(f"DATABASE_URL={pooled}\nDIRECT_URL={server.url}\n")
    assert "nothing pending" in site.inv("migrate.up", "--env", "lab").stdout
    assert server.password not in done.stdout + done.stderr


def test_no_code_path_drops_truncates_or_deletes(site):
    """But for what is looked for in the scripts of others."""
    words = re.compile(r"\b(DROP|TRUNCATE)\s+(TABLE|SCHEMA|DATABASE)|unlink\(|rmtree\(", re.I)
    for path in (ROOT / "env").glob("*.py"):
        for line in path.read_text().splitlines():
            assert not words.search(line) or "re.compile" in line, f"{path.name}: {line}"
