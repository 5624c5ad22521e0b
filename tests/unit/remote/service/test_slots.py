"""The flag and the containers, as parsers see them."""

import json

import pytest

from edgepaas_tasks.remote.layout import Layout, other
from edgepaas_tasks.remote.service.slots import Live, parse_containers, parse_live


def container(name, service="shop-prod", slot="blue", release="3", status="running"):
    labels = {"edgepaas.service": service, "edgepaas.slot": slot, "edgepaas.release": release}
    return {
        "Name": f"/{name}",
        "Image": "sha256:1",
        "Config": {"Labels": labels},
        "State": {"Status": status, "StartedAt": "2026-01-01T00:00:00Z", "ExitCode": 0},
        "RestartCount": 0,
    }


@pytest.mark.parametrize(
    ("text", "live"),
    [
        ("slots/green/12\n", Live("green", 12)),
        ("slots/blue/1", Live("blue", 1)),
        ("slots/none/0", Live()),
        ("", Live()),
        ("/etc/passwd", Live()),
    ],
)
def test_where_the_flag_leads(text, live):
    assert parse_live(text) == live


def test_the_first_release_goes_to_green():
    assert other("") == "green"
    assert other("green") == "blue"
    assert other("blue") == "green"


def test_only_exact_names_are_slots():
    text = json.dumps([container("shop-prod-blue"), container("my-shop-prod-green", slot="green")])
    assert set(parse_containers(text)) == {"blue"}


def test_a_containers_port_is_the_one_that_docker_publishes():
    bound = container("shop-prod-blue")
    bound["HostConfig"] = {
        "PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8091"}]}
    }
    unbound = container("shop-prod-green", slot="green")
    unbound["HostConfig"] = {"PortBindings": {}}
    found = parse_containers(json.dumps([bound, unbound]))
    assert (found["blue"].port, found["green"].port) == (8091, 0)


def test_no_containers():
    assert parse_containers("[]\n") == {}
    assert parse_containers("") == {}


def test_names_on_a_host():
    layout = Layout("shop-prod")
    assert layout.live == "/opt/edgepaas/shop-prod/live"
    assert layout.container("blue") == "shop-prod-blue"
    assert Live("green", 4).target == "slots/green/4"
    assert Live().target == "slots/none/0"
