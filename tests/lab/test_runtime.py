"""What runs first in a container: any image, any user, any driver; a Postgres with TLS, without, with a wrong one."""

import json
import os
import secrets
import threading
import time
import urllib.error
import urllib.request

import pytest

from edgepaas_tasks.lab import postgres

from .containers import Containers, docker

BASE = "edgepaas-lab/python:3.11"

# A small app: no framework, so that an image has a driver and nothing else.
APP = """
import json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from edgepaas_tasks.env import health
import sibling

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = health.ready() if self.path == "/health/ready" else (200, {"it": sibling.NAME})
        if self.path == "/slow":
            print("slow begun", flush=True)
            time.sleep(2)
        data = json.dumps({**body, "pid": os.getpid()}).encode()
        self.send_response(status)
        self.end_headers()
        self.wfile.write(data)

server = ThreadingHTTPServer(("0.0.0.0", 8000), Answers)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
print("ended gracefully", flush=True)
"""

# By name: what is installed, and how the image starts the app.
IMAGES = {
    "psycopg2": (
        "psycopg2-binary==2.9.9 alembic",
        'ENV PORT=8000\nCMD python3 app.py --port "$PORT"',
    ),
    "asyncpg": (
        "asyncpg==0.29.0 greenlet alembic",
        'COPY entry.sh /entry.sh\nENTRYPOINT ["sh", "/entry.sh"]\nCMD ["python3", "app.py"]',
    ),
}
RECIPE = """
FROM {base}
RUN python3 -m venv /venv && /venv/bin/pip install -q --no-cache-dir {driver}
ENV PATH=/venv/bin:$PATH
WORKDIR /srv/app
COPY app.py sibling.py ./
USER 10001:10001
{start}
"""


@pytest.fixture(scope="module")
def containers(served, images, tmp_path_factory):  # removed before their images
    served.server.start()
    found = Containers(served.state.network, tmp_path_factory.mktemp("containers"))
    yield found
    found.remove()


@pytest.fixture(scope="module")
def images(served, tmp_path_factory):
    """The small app with one driver each."""
    folder, token = tmp_path_factory.mktemp("images"), secrets.token_hex(4)
    names = {name: f"edgepaas-test/{name}-{token}" for name in IMAGES}
    (folder / "app.py").write_text(APP)
    (folder / "sibling.py").write_text("NAME = 'a module beside the app'\n")
    (folder / "entry.sh").write_text('echo "its own entrypoint"\nexec "$@"\n')
    for name, (driver, start) in IMAGES.items():
        (folder / name).write_text(RECIPE.format(base=BASE, driver=driver, start=start))
        docker("build", "-q", "-t", names[name], "-f", str(folder / name), str(folder))
    yield names
    docker("rmi", *names.values(), ok=(0, 1))


def address(name: str) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return docker("inspect", "-f", form, name).strip()


def get(name: str, path: str) -> dict:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://{address(name)}:8000{path}", timeout=30) as answer:
                return json.load(answer)
        except OSError:
            assert time.monotonic() < deadline, docker("logs", name)
            time.sleep(0.2)


HARD = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


@pytest.mark.parametrize("driver", IMAGES)
def test_any_driver_and_any_way_to_start_ends_as_the_app_with_its_signals(
    served, containers, images, driver
):
    """Non-root, on a read-only root, without capabilities; SIGTERM ends it with its request answered."""
    url = served.server.url.replace("postgresql", "postgres")
    given = {"FINAL_DB_MODE": "postgres_only", "EDGEPAAS_RELEASE": "7", "DATABASE_URL": url}
    name = containers.start(images[driver], *HARD, **given)
    found = get(name, "/health/ready")
    assert found == {
        "status": "ready",
        "database": "ready",
        "database_mode": "postgres_only",
        "pid": 1,
        **({"revision": found["revision"]} if "revision" in found else {}),
    }
    assert get(name, "/")["it"] == "a module beside the app"
    resolved = containers.resolved(name)
    assert resolved["DATABASE_URL"] == f"{served.server.url}?sslmode=require"
    assert docker("exec", name, "stat", "-c", "%a %u", "/run/edgepaas/env") == "600 10001\n"
    shell = "set -a; . /run/edgepaas/env; exec /usr/bin/env"
    sourced = docker("exec", name, "/usr/bin/env", "-i", "/bin/sh", "-c", shell).splitlines()
    assert f"DATABASE_URL={resolved['DATABASE_URL']}" in sourced
    assert f"FINAL_DB_MODE={resolved['FINAL_DB_MODE']}" in sourced

    answers = []
    asking = threading.Thread(target=lambda: answers.append(get(name, "/slow")))
    asking.start()
    while "slow begun" not in containers.log(name):
        time.sleep(0.05)
    docker("stop", "-t", "30", name)
    asking.join()
    ended = containers.wait(name)
    assert answers[0]["it"] == "a module beside the app"
    assert ended.code == 0, ended
    assert "ended gracefully" in ended.out
    assert ("its own entrypoint" in ended.out) == (driver == "asyncpg")


# Alembic's entry point with either driver, and scripts by their revisions.
ENTRY = """
import asyncio, os
from alembic import context
from sqlalchemy import create_engine

url = os.environ["DATABASE_URL"]

def migrate(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def work():
    from sqlalchemy.ext.asyncio import create_async_engine

    async with create_async_engine(url).connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()

if "asyncpg" in url:
    asyncio.run(work())
else:
    with create_engine(url).connect() as connection:
        migrate(connection)
"""
SCRIPT = """
from alembic import op
revision, down_revision = "{revision}", {before}

def upgrade():
    op.execute("{statement}")
"""
LIMITS = ("lock_timeout", "client_connection_check_interval", "tcp_keepalives_idle")


@pytest.mark.parametrize("driver", IMAGES)
def test_any_driver_migrates_within_our_limits_and_loses_nothing_unasked(
    served, containers, images, driver
):
    served.server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION guestbook")
    folder = containers.data / driver
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENTRY)
    (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = /data/{driver}\n")
    shown = ", ".join(f"current_setting('{name}') AS {name}" for name in LIMITS)
    statements = (f"CREATE TABLE limits AS SELECT 1 AS one, {shown}", "ALTER TABLE limits DROP one")
    add_scripts(folder, *statements)
    given = {
        "FINAL_DB_MODE": "postgres_only",
        "DATABASE_URL": served.server.url.replace("postgresql:", f"postgresql+{driver}:"),
        "RUN_MIGRATIONS": "true",
        "EDGEPAAS_ALEMBIC": f"/data/{driver}/alembic.ini",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ended = containers.run(images[driver], "echo", "started", **given)
    assert ended[:2] == (0, "started"), ended
    assert "schema at 2, 2 applied" in ended.err, "nothing is lost where there was nothing"
    assert served.server.sql(f"SELECT {', '.join(LIMITS)} FROM limits") == "10s|1s|10"

    add_scripts(folder, *statements, "TRUNCATE limits")
    ended = containers.run(images[driver], "echo", "started", **given)
    assert ended.code == 78
    assert "3 runs TRUNCATE limits in 3.py:6; " in ended.err
    assert "start once with EDGEPAAS_ALLOW_DESTRUCTIVE=true" in ended.err
    given["EDGEPAAS_ALLOW_DESTRUCTIVE"] = "true"
    assert containers.run(images[driver], "echo", "started", **given)[:2] == (0, "started")


def add_scripts(folder, *statements: str) -> None:
    for number, statement in enumerate(statements, 1):
        before = None if number == 1 else repr(str(number - 1))
        text = SCRIPT.format(revision=number, before=before, statement=statement)
        (folder / "versions" / f"{number}.py").write_text(text)


TABLE = {
    # sslmode given: what each of these says of it: a server with TLS, one without, one that shows another certificate
    # than it should.
    "": ("ok", "tls", "certificate"),
    "disable": ("ok", "tls", "certificate"),
    "prefer": ("ok", "tls", "certificate"),
    "require": ("ok", "tls", "certificate"),
    "verify-ca": ("ok", "tls", "certificate"),
    "verify-full": ("ok", "tls", "certificate"),
}
# With a root certificate `require` verifies the authority too (libpq, sslmode): it finds the wrong one.

PROBE = """
import json, os, sys
from edgepaas_tasks.env.database import enforce_ssl, normalise
from edgepaas_tasks.env.reach import reach
answers = {}
for name, (url, root) in json.loads(sys.argv[1]).items():
    os.environ.pop("PGSSLROOTCERT", None)
    if root:
        os.environ["PGSSLROOTCERT"] = root
    answers[name] = reach(enforce_ssl(normalise(url)), 5)[0]
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def without_tls(served):
    found = postgres.serve(served.state, tls=False, suffix="plain")
    yield found
    found.stop()


@pytest.mark.parametrize("driver", IMAGES)
def test_every_sslmode_against_every_server_has_its_outcome(
    served, containers, images, without_tls, driver
):
    for name in ("ca", "otherca"):
        (containers.data / f"{name}.crt").write_text(served.server.certificate(name))
    named = served.server.url.replace(served.server.address, postgres.NAME)
    asked = {}
    for mode in TABLE:
        query = f"?sslmode={mode}" if mode else ""
        asked[f"{mode} tls"] = (named + query, "/data/ca.crt")
        asked[f"{mode} plain"] = (without_tls.url + query, "/data/ca.crt")
        asked[f"{mode} wrong"] = (named + query, "/data/otherca.crt")
    # And without any root certificate, where nothing can be verified.
    for mode in ("disable", "require"):
        asked[f"{mode} no root"] = (f"{named}?sslmode={mode}", "")
    # The right authority, and another name than the certificate's.
    other = served.server.url.replace(served.server.address, served.server.container)
    asked["verify-full other name"] = (f"{other}?sslmode=verify-full", "/data/ca.crt")
    asked["verify-ca other name"] = (f"{other}?sslmode=verify-ca", "/data/ca.crt")
    words = ("python3", "-c", PROBE, json.dumps(asked))
    ended = containers.run(images[driver], *words)
    assert ended.code == 0, ended
    answers = json.loads(ended.out)
    wanted = {
        f"{mode} {server}": outcome
        for mode, outcomes in TABLE.items()
        for server, outcome in zip(("tls", "plain", "wrong"), outcomes, strict=True)
    }
    wanted |= {"disable no root": "ok", "require no root": "ok"}
    wanted |= {"verify-full other name": "certificate", "verify-ca other name": "ok"}
    assert answers == wanted


LATE = 20.0 if os.environ.get("EDGEPAAS_SOAK") else 1.0  # seconds
MODES = ("postgres_only", "try_postgres", "sqlite_only")


def until_it_waits(containers, name: str) -> None:
    deadline = time.monotonic() + 60
    while "waiting up to" not in containers.log(name):
        assert time.monotonic() < deadline, containers.log(name)
        time.sleep(0.1)


def given(server, mode: str, wait: str) -> dict[str, str]:
    return {
        "FINAL_DB_MODE": mode,
        "DATABASE_URL": server.url,
        "EDGEPAAS_SQLITE": "/data/app.db",
        "EDGEPAAS_RELEASE": "7",
        "EDGEPAAS_DATABASE_WAIT": wait,
    }


ECHO = ("sh", "-c", "exec echo $FINAL_DB_MODE")


def test_each_mode_with_a_database_that_is_up_down_late_or_absent(served, containers, images):
    server, image = served.server, images["psycopg2"]
    start = lambda mode, wait="1": containers.run(image, *ECHO, **given(server, mode, wait))  # noqa: E731
    for mode in ("postgres_only", "try_postgres"):
        assert start(mode)[:2] == (0, "postgres_only")
    assert start("sqlite_only")[:2] == (0, "sqlite_only")

    server.stop()
    assert start("sqlite_only")[:2] == (0, "sqlite_only")
    ended = start("postgres_only")
    assert ended.code == 78
    assert "edgepaas: not started: " in ended.err
    ended = start("try_postgres")
    assert ended.code == 78, "release 7 was on Postgres when it was up"
    assert "not falling back to SQLite" in ended.err
    (containers.data / ".edgepaas-database-7.json").unlink()
    ended = start("try_postgres")
    assert ended[:2] == (0, "sqlite_only"), ended
    assert "WARNING: release 7 is on SQLite, not on Postgres" in ended.err

    for mode in ("postgres_only", "try_postgres"):
        (containers.data / ".edgepaas-database-7.json").unlink(missing_ok=True)
        server.stop()
        name = containers.start(image, command=ECHO, **given(server, mode, "90"))
        until_it_waits(containers, name)
        time.sleep(LATE)
        server.start()
        ended = containers.wait(name)
        assert ended[:2] == (0, "postgres_only"), ended
        assert server.password not in ended.err
        assert server.address not in ended.err


def test_each_mode_with_a_database_that_goes_away_under_the_running_app(served, containers, images):
    """The app lives on, says what is, and is ready again by itself. On SQLite it is nobody's business."""
    server = served.server
    names = {
        mode: containers.start(images["psycopg2"], **given(server, mode, "1")) for mode in MODES
    }
    before = {mode: get(name, "/health/ready") for mode, name in names.items()}
    assert {mode: body["database_mode"] for mode, body in before.items()} == {
        "postgres_only": "postgres_only",
        "try_postgres": "postgres_only",
        "sqlite_only": "sqlite_only",
    }
    server.stop()
    try:
        for mode, name in names.items():
            status, body = ready(name)
            assert status == (200 if mode == "sqlite_only" else 503), (mode, body)
            assert body["database_mode"] == before[mode]["database_mode"]
            assert server.address not in json.dumps(body)
            assert get(name, "/")["it"] == "a module beside the app"
    finally:
        server.start()
    assert {mode: get(name, "/health/ready") for mode, name in names.items()} == before
    for name in names.values():
        docker("rm", "-f", name)


def ready(name: str) -> tuple[int, dict]:
    try:
        url = f"http://{address(name)}:8000/health/ready"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_wait_hears_sigterm(served, containers, images):
    name = containers.start(
        images["psycopg2"],
        command=("echo", "started"),
        FINAL_DB_MODE="postgres_only",
        DATABASE_URL="postgresql://u:p@127.0.0.1:9/d",
        EDGEPAAS_DATABASE_WAIT="300",
    )
    until_it_waits(containers, name)
    begun = time.monotonic()
    docker("stop", "-t", "30", name)
    assert time.monotonic() - begun < 28
    assert containers.wait(name).code == 143


def test_an_image_that_keeps_its_python_elsewhere_is_asked_there(served, containers, images):
    """The driver is in an environment of its own, which is not on PATH: its script's first line names it."""
    ended = containers.run(
        images["psycopg2"],
        "/venv/bin/pip",
        "--version",
        PATH="/usr/local/bin:/usr/bin:/bin",
        FINAL_DB_MODE="try_postgres",
        DATABASE_URL=served.server.url.replace(served.server.address, postgres.NAME),
        EDGEPAAS_SQLITE="/data/other.db",
    )
    assert ended.code == 0, ended
    assert "database: postgres_only" in ended.err


def test_one_image_is_local_here_and_deployed_there(served, containers, tmp_path):
    """The same digest: by plain `docker run` with .env and .env.test, and on a host."""
    from .conftest import begin_anew

    begin_anew(
        served,
        database={"mode": "postgres_only"},
        variables={"DATABASE_URL": {"type": "url", "secret": True, "required": True}},
    )
    served.deploy("--version", "everywhere")
    deployed = served.status()[0]
    image = deployed["image"]
    files = {
        ".env": "UVICORN_PORT=8001\nDATABASE_URL=sqlite:////tmp/here.db\n",
        ".env.test": f"UVICORN_PORT=8002\nLOG_FORMAT=json\nRUN_MIGRATIONS=false\nDATABASE_URL={served.server.url}\n",
    }
    rows = {}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        container = f"{containers.network}-plain{name}".replace(".", "-")
        containers.names.append(container)
        docker("run", "-d", "--name", container, "--network", containers.network,
               "--env-file", str(tmp_path / name), image)  # fmt: skip
        port = text.split("UVICORN_PORT=")[1].split("\n")[0]
        rows[name] = row(f"http://{address(container)}:{port}", containers.log, container, port)
    log = lambda name: served.host.run(f"docker logs {name} 2>&1")  # noqa: E731
    rows["host"] = row(served.url, log, f"guestbook-lab-{deployed['slot']}", "8000")
    assert rows == {
        #         port, log format, database, mode, who migrated
        ".env": ("8001", "text", "sqlite_only", "local", "the app"),
        ".env.test": ("8002", "json", "postgres_only", "local", "nobody"),
        "host": ("8000", "json", "postgres_only", "lab", "nobody"),
    }
    digests = {docker("inspect", "-f", "{{.Image}}", one).strip() for one in containers.names[-2:]}
    assert digests == {image}


def row(url: str, log, name: str, port: str) -> tuple[str, ...]:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=30):
                break
        except OSError:
            assert time.monotonic() < deadline, log(name)
            time.sleep(0.2)
    with urllib.request.urlopen(f"{url}/version", timeout=30) as answer:
        found = json.load(answer)
    said = log(name)
    form = "json" if '"level": "info"' in said else "text"
    assert f":{port} (Press" in said
    migrated = "the app" if "the schema is at" in said else "nobody"
    return port, form, found["database_mode"], found["environment"], migrated
