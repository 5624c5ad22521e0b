"""What `inv preflight` finds out about a real Postgres, from a container on the host."""

import json

import pytest

from .conftest import begin_anew


@pytest.fixture(scope="module")
def site(served):
    """Nothing deployed, and a Postgres server."""
    begin_anew(
        served,
        database={"mode": "postgres_only"},
        health={"path": "/health/live", "timeout": 15},
        variables={"DATABASE_URL": {"type": "url", "secret": True, "required": True}},
    )
    (served.folder / ".env").unlink()
    return served


def checks(project, url, code=0):
    done = project.inv("preflight", "--env", "lab", "--json", code=code, DATABASE_URL=url)
    assert project.server.password not in done.stdout + done.stderr
    found = json.loads(done.stdout)["checks"]
    return {one["name"]: (one["verdict"], one["found"]) for one in found}


def test_without_an_image_it_is_not_checked_and_with_one_it_is(site):
    url = site.server.url
    assert checks(site, url)["database"] == ("not checked", "no image yet")
    site.deploy("--version", "one", DATABASE_URL=url)
    revision = site.server.sql("SELECT version_num FROM alembic_version")
    found = checks(site, url)
    assert found["database"] == ("ok", "answers from a container on this host")
    assert found["migrations"] == ("ok", f"at {revision}, nothing pending in that image")

    site.server.sql("DELETE FROM alembic_version")
    assert checks(site, url)["migrations"] == (
        "warning",
        f"the database is at nothing, the image on the host leads to {revision}",
    )
    site.server.sql(f"INSERT INTO alembic_version VALUES ('{revision}')")


def test_each_way_to_fail_has_its_own_words(site):
    server = site.server
    for url, said in {
        server.url.replace(server.password, "another-one"): "user or password are wrong",
        server.url.replace("5432/guestbook", "5432/nowhere"): "no database of that name",
        server.url.replace(server.address, "db.invalid"): "does not resolve",
        server.url.replace(":5432", ":5433"): "refuses connections",
    }.items():
        verdict, found = checks(site, url, code=1)["database"]
        assert verdict == "blocker"
        assert said in found


def test_nothing_of_it_stays_on_the_host(site):
    left = site.host.run(
        "docker ps -a --filter label=edgepaas.one-off --format '{{.Names}}'; ls /tmp"
    )
    assert "database" not in left
