"""A database as a cloud has it: its address stays; and what `inv preflight` finds out, from a container on the host."""

import json
from ipaddress import ip_address, ip_network

import pytest

from edgepaas_tasks.lab import networks, postgres
from edgepaas_tasks.lab.state import State

from .conftest import begin_anew
from .containers import docker

IMAGE = "edgepaas-lab/python:3.11"
SUBNET = "{{range .IPAM.Config}}{{.Subnet}} {{.IPRange}}{{end}}"


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


def test_a_server_that_was_away_is_back_at_its_address(served):
    """As a managed database is: whoever comes meanwhile, its URL and its certificate hold."""
    server, network = served.server, served.state.network
    server.stop()
    others = [f"{network}-other-{number}" for number in range(3)]
    try:
        for name in others:
            docker("run", "-d", "--name", name, "--network", network, IMAGE, "sleep", "60")
        assert postgres.find(served.state).address == server.address
        server.start()
        assert postgres.find(served.state) == server
    finally:
        docker("rm", "-f", *others)
        server.start()


def test_a_network_finds_room_for_itself_and_for_what_keeps_its_address(
    served, tmp_path, monkeypatch
):
    known = State(str(tmp_path), f"{served.state.network}-beside")
    taken = docker("network", "inspect", "-f", SUBNET, served.state.network).split()[0]
    found, free = [taken], networks._free
    # Somebody was faster, once.
    monkeypatch.setattr(networks, "_free", lambda known: found.pop() if found else free(known))
    try:
        networks.ensure(known)
        subnet, passing = docker("network", "inspect", "-f", SUBNET, known.network).split()
        assert subnet != taken
        kept = {ip_address(networks.fixed(known.network, place)) for place in (1, 2)}
        assert len(kept) == 2
        assert all(one in ip_network(subnet) and one not in ip_network(passing) for one in kept)
        networks.ensure(known)  # there is one
        docker("network", "rm", known.network)
        # Of an older version of ours.
        docker("network", "create", known.network)
        networks.ensure(known)
        assert networks.fixed(known.network, 1) == ""
    finally:
        docker("network", "rm", known.network)
    left = docker("network", "ls", "--filter", f"label=edgepaas.lab={tmp_path}", "-q")
    assert left == ""
