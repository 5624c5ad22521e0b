"""Migrations of a real Postgres over TLS: once, under a lock, never half done, refused where they lose something."""

import re
import subprocess
import threading
import time

import psycopg
import pytest

from .conftest import BEHIND_NGINX, begin_anew
from .rows_reader import Reader

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
def site(served):
    """A first release live on Postgres, with one entry."""
    served.over = {
        "database": {"mode": "postgres_only"},
        "variables": {"DATABASE_URL": {"type": "url", "secret": True, "required": True}},
    }
    begin_anew(served, **served.over)
    done = served.deploy("--version", "one")
    assert "1 applied, now at 0001: 0001 entries" in done.stderr
    served.write("the first entry")
    return served


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


def test_sigterm_ends_the_app_with_its_request_answered(site):
    slot = site.status()[0]["slot"]
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    answers = []
    asking = threading.Thread(target=lambda: answers.append(site.entries()))
    stop = f"docker stop -t 60 guestbook-lab-{slot}"
    stopping = threading.Thread(target=lambda: site.host.run(stop))
    with psycopg.connect(site.server.url) as holder:
        holder.execute("LOCK TABLE entries")
        asking.start()
        until(lambda: site.server.sql(waits) != "0")
        stopping.start()
        until(lambda: "Shutting down" in site.host.run(f"docker logs guestbook-lab-{slot} 2>&1"))
        assert answers == []
    asking.join()
    stopping.join()
    assert answers == [["the first entry"]]
    form = "{{.State.ExitCode}} {{.State.OOMKilled}}"
    assert site.host.run(f"docker inspect -f '{form}' guestbook-lab-{slot}") == "0 false"
    assert "Finished server process" in site.host.run(f"docker logs guestbook-lab-{slot} 2>&1")
    site.host.run(f"docker start guestbook-lab-{slot}")
    wait_until_ready(site)


def until(condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_migration_that_fails_half_way_changes_nothing_and_is_named(site):
    before = columns(site)
    second(site, f'{ADD}\n    op.execute("SELECT nonsense FROM entries")')
    with Reader(site) as reader:
        done = site.deploy("--version", "half-way", code=1)
    assert (reader.seen, reader.failed) == ({("the first entry",)}, 0)
    assert "alembic upgrade 0002 failed" in done.stderr
    assert "statement: SELECT nonsense FROM entries" in done.stderr
    assert "fix the script and deploy again; the old release keeps serving" in done.stderr
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

    # With the flag the old code serves on the new schema, and takes new values there.
    site.inv("rollback", "--env", "lab", "--allow-newer-schema")
    assert site.get("/version")["version"] == "same-schema"
    assert site.entries() == ["the first entry"]
    site.inv("env.push", "--env", "lab", GREETING="pushed")
    assert site.get("/version")["version"] == "same-schema"
    said = site.inv("migrate.status", "--env", "lab").stdout
    assert "ahead: the live image does not know 0002" in said
    newer = re.search(r"; release (\d+) does", said)[1]
    said = site.inv("migrate.up", "--env", "lab", code=1).stderr
    assert "the database is at 0002, which this image does not know" in said

    # And by the way down, which the newer image still knows; it is not gone back to without its migration.
    words = ("migrate.down", "--env", "lab", "--to", "0001", "--release", newer)
    assert "from 0002 down to 0001" in site.inv(*words).stdout
    assert "mood" not in columns(site)
    done = site.inv("rollback", "--env", "lab", "--to", newer, code=1)
    assert f"inv migrate.up --release {newer} --env lab, then roll back" in done.stderr
    assert site.get("/version")["version"] == "same-schema"
    assert site.entries() == ["the first entry"]


def test_what_loses_something_is_refused_unless_it_is_allowed(site):
    second(site, 'op.drop_column("entries", "author")')
    done = site.deploy("--version", "lossy", code=1)
    assert "0002 drops a column (entries.author)" in done.stderr
    assert "then --allow-destructive" in done.stderr
    asked = re.search(r"inv (migrate.sql --release \d+ --env lab)", done.stderr)[1]
    assert "DROP COLUMN author" in site.inv(*asked.split()).stdout
    assert "author" in columns(site)
    assert revision(site) == "0001"
    second(site, f'{ADD}\n    op.execute("DELETE FROM entries WHERE false")')
    assert "runs DELETE FROM" in site.deploy("--version", "lossy-too", code=1).stderr
    # With a backup set, nothing goes before it has come.
    backup = {"database": {**site.over["database"], "backup": "exit 3"}}
    site.configure(**{**site.over, **backup})
    done = site.deploy("--version", "no-backup", "--allow-destructive", code=1)
    assert "the backup failed (exit 3), nothing was changed" in done.stderr
    assert revision(site) == "0001"
    backup["database"]["backup"] = 'echo "$DATABASE_URL" >backup; echo saved'
    site.configure(**{**site.over, **backup})
    done = site.deploy("--version", "allowed", "--allow-destructive")
    assert "backup taken (saved); 1 applied, now at 0002" in done.stderr
    assert (site.folder / "backup").read_text() == f"{site.server.url}?sslmode=require\n"
    assert revision(site) == "0002"
    assert site.entries() == ["the first entry"]


def starting(project, url):
    """A container of the live image as a start without a deploy: it migrates, and then only says so."""
    release = project.status()[0]["release"]
    file = project.host.run(
        'sed -n \'s/.*"runtime": "\\(.*\\)".*/\\1/p\' /opt/edgepaas/guestbook-lab/releases/$1/release.json',
        str(release),
    )
    mount = f"type=bind,source=/opt/edgepaas/guestbook-lab/runtime/{file},target=/r.pyz,readonly"
    words = [
        *("docker", "exec", "-i", project.host.host.container, "docker", "run", "--rm"),
        *("-e", f"DATABASE_URL={url}", "-e", "RUN_MIGRATIONS=true"),
        *("--mount", mount, "--entrypoint", "python3", project.status()[0]["image"]),
        *("/r.pyz", "echo", "started"),
    ]
    return lambda: subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ten_at_once(project, url):
    """What each of ten such containers said."""
    start = starting(project, url)
    containers = [start() for _ in range(10)]
    return [one.communicate(timeout=600) for one in containers]


def test_ten_containers_that_start_at_once_migrate_once(site):
    second(site)
    site.deploy("--version", "harmless")
    site.inv("migrate.down", "--env", "lab", "--to", "0001")
    before = site.server.log().count("ADD COLUMN mood")
    answers = ten_at_once(site, site.server.url)
    assert [out for out, _ in answers] == ["started\n"] * 10, answers
    applied = sorted(err.count("schema at 0002, 1 applied") for _, err in answers)
    assert applied == [0] * 9 + [1], answers
    assert sum("schema at 0002, 0 applied" in err for _, err in answers) == 9
    assert site.server.log().count("ADD COLUMN mood") == before + 1


def test_several_heads_and_revisions_are_told_apart(site):
    other = site.app / "migrations" / "versions" / "0003_other.py"
    other.write_text(SECOND.format(up="pass").replace('"0002"', '"0003"'))
    assert (
        "several newest revisions: 0002, 0003"
        in site.deploy("--version", "two-heads", code=1).stderr
    )
    other.unlink()
    site.server.sql("INSERT INTO alembic_version VALUES ('0001')")
    assert "diverged: " in site.inv("migrate.status", "--env", "lab").stdout
    said = site.inv("migrate.up", "--env", "lab", code=1).stderr
    assert "the database is at several revisions: 0001, 0002" in said
    site.server.sql("DELETE FROM alembic_version WHERE version_num = '0001'")


SHY = f"""{BEHIND_NGINX}
@app.middleware("http")
async def shy(request, call_next):
    from fastapi.responses import PlainTextResponse

    if behind_nginx(request):
        return PlainTextResponse("no", 500)
    return await call_next(request)
"""


def test_a_flip_back_over_a_newer_schema_is_never_refused_and_the_old_code_starts_again_on_it(site):
    site.inv("migrate.down", "--env", "lab", "--to", "0001")
    (site.app / "migrations" / "versions" / "0002_mood.py").unlink()
    site.deploy("--version", "knows-0001")
    old = site.status()[0]
    second(site)
    app = site.app / "guestbook" / "app.py"
    before = app.read_text()
    app.write_text(before + SHY)
    done = site.deploy("--version", "shy", code=1)
    assert "failed on the public path and was flipped back" in done.stderr
    app.write_text(before)
    assert revision(site) == "0002"
    assert (site.status()[0]["release"], site.get()["version"]) == (old["release"], "knows-0001")

    site.host.run(f"docker restart -t 5 guestbook-lab-{old['slot']}")
    wait_until_ready(site)
    assert site.entries() == ["the first entry"]
    assert "ahead: the live image does not know 0002" in site.inv("migrate", "--env", "lab").stdout
    site.deploy("--version", "knows-0002")


def wait_until_ready(site) -> None:
    deadline = time.monotonic() + 60
    while not site.status()[0]["health"]["ok"]:
        assert time.monotonic() < deadline, site.status()
        time.sleep(0.3)


SLEEPING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE query LIKE '%pg_sleep(120)%' AND state = 'active' AND pid <> pg_backend_pid()"
)
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def asleep(site, version):
    """A deploy in the middle of a migration."""
    second(site, f'{ADD}\n    op.execute("SELECT pg_sleep(120)")')
    deploy = site.start("deploy", "--env", "lab", "--version", version)
    deadline = time.monotonic() + 300
    while site.server.sql(SLEEPING) == "0":
        assert time.monotonic() < deadline, deploy.communicate(timeout=5)
        time.sleep(0.2)
    return deploy


def given_back(site) -> None:
    """The lock is free within seconds, and the schema as it was."""
    begun = time.monotonic()
    while site.server.sql(HELD) != "0":
        assert time.monotonic() - begun < 40
        time.sleep(0.2)
    assert revision(site) == "0001"
    assert "mood" not in columns(site)


def test_a_killed_migration_gives_its_lock_back_and_a_rerun_completes(site):
    site.inv("migrate.down", "--env", "lab", "--to", "0001")
    deploy = asleep(site, "killed-container")
    # Who looks meanwhile ends nothing.
    assert "the database is at 0001" in site.inv("migrate.status", "--env", "lab").stdout
    assert "ADD COLUMN mood" in site.inv("migrate.sql", "--env", "lab").stdout
    assert site.server.sql(SLEEPING) == "1"
    site.host.run("docker kill guestbook-lab-migrate")
    deploy.communicate(timeout=300)
    assert deploy.returncode == 1
    given_back(site)

    deploy = asleep(site, "killed-deploy")
    deploy.kill()
    deploy.communicate(timeout=300)
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
    site.inv("migrate.down", "--env", "lab", "--to", "0001", DATABASE_URL=server.url)
    before = server.log().count("ADD COLUMN mood")
    done = site.inv("migrate.up", "--env", "lab", code=1)
    assert "leads through a transaction pooler" in done.stderr
    for out, err in ten_at_once(site, pooled):
        assert out == ""
        assert "leads through a transaction pooler" in err
    assert revision(site) == "0001"
    assert server.log().count("ADD COLUMN mood") == before
    direct = {"DIRECT_URL": {"type": "url", "secret": True, "required": True}}
    site.configure(
        database={"mode": "postgres_only", "migration_url": "DIRECT_URL"},
        variables={**site.over["variables"], **direct},
    )
    (site.folder / ".env").write_text(f"DATABASE_URL={pooled}\nDIRECT_URL={server.url}\n")
    assert "1 applied, now at 0002" in site.inv("migrate.up", "--env", "lab").stdout
    assert server.password not in done.stdout + done.stderr


def test_a_reset_needs_a_backup_and_the_name_and_then_empties_everything(site):
    (site.folder / ".env").write_text(f"DATABASE_URL={site.server.url}\n")
    site.configure(**site.over)
    assert "backup is not set" in site.inv("migrate.reset", "--env", "lab", code=1).stderr
    database = {"mode": "postgres_only", "backup": "exit 3"}
    site.configure(**{**site.over, "database": database})
    words = ("migrate.reset", "--env", "lab", "--confirm")
    for given in (words[:-1], (*words, "another")):
        said = site.inv(*given, code=1).stderr
        assert "--confirm guestbook empties the database guestbook of lab" in said
    assert "the backup failed" in site.inv(*words, "guestbook", code=1).stderr
    site.configure(
        **{**site.over, "database": {**database, "backup": "touch saved"}},
        environments={"production": {"lab": {"folder": ".lab"}}},
    )
    said = site.inv("migrate.reset", "--env", "production", *words[3:], "guestbook", code=1).stderr
    assert "production is production-like: its database is never reset from here" in said
    assert not (site.folder / "saved").exists()
    assert site.entries() == ["the first entry"]

    site.server.sql("CREATE TYPE feeling AS ENUM ('good'); ALTER TYPE feeling OWNER TO guestbook")
    site.server.sql("CREATE VIEW seen AS SELECT 1 AS one; ALTER VIEW seen OWNER TO guestbook")
    rows = f"docker exec -u postgres -w / {site.server.container} psql -qAtX guestbook -c 'SELECT text FROM entries'"
    site.configure(**{**site.over, "database": {**database, "backup": f"{rows} >saved"}})
    assert "emptied guestbook, now at 0002" in site.inv(*words, "guestbook").stdout
    assert (site.folder / "saved").read_text() == "the first entry\n", "before it was emptied"
    assert revision(site) == "0002"
    assert site.entries() == []
    assert (
        site.server.sql("SELECT count(*) FROM pg_type WHERE typname IN ('feeling', 'seen')") == "0"
    )

    site.change("# after the reset")
    assert "at 0002, nothing pending" in site.deploy("--version", "after-the-reset").stderr
    site.write("the first entry again")
    assert site.entries() == ["the first entry again"]
