"""What the app hears of its visitors, and what probes say: as a visitor would, and never what a visitor made up."""

import http.client
import json

import pytest

from edgepaas_tasks.settings import merge
from tests.lab.conftest import SETTINGS, broken_image

FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Real-IP": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Server": "evil.example",
    "Forwarded": "for=203.0.113.7;proto=https",
}


@pytest.fixture(scope="module")
def image(ready, tmp_path_factory):
    """An app that answers with the headers that it got, or refuses them."""
    yield from broken_image(ready, tmp_path_factory.mktemp("headers"))


@pytest.fixture
def deploy(project, image):
    def deploy(how, **more):
        settings = {"variables": {"BREAK": {"type": "string"}}, "health": {"timeout": 10}}
        project.settings(merge(merge(SETTINGS, settings), more))
        given = ("--image", image, "--version", f"headers-{how}", "--set", f"BREAK={how}")
        return project.deploy(*given)

    return deploy


def ask(project, path="/", method="GET", body=None, **headers):
    """An answer through nginx, from outside of the host: status, headers and body."""
    port = int(project.url.rsplit(":", 1)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": "shop.example"} | headers).items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def heard(project, **headers):
    """What the app gets, by the headers' names in lower case; each of them once."""
    _, _, body = ask(project, **headers)
    pairs = [(name.lower(), value) for name, value in json.loads(body)]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_what_a_visitor_makes_up_does_not_reach_the_app_and_a_trusted_proxy_is_believed(
    project, deploy
):
    deploy("headers")
    honest = heard(project)
    visitor = honest["x-real-ip"]
    assert honest["x-forwarded-for"] == visitor != "203.0.113.7"
    assert (honest["x-forwarded-proto"], honest["x-forwarded-host"]) == ("http", "shop.example")
    assert heard(project, **FORGED) == honest

    deploy("headers", nginx={"trusted_proxies": [f"{visitor}/32"]})
    got = heard(project, **FORGED)
    assert got == honest | {name.lower(): value for name, value in FORGED.items()}
    # What a visitor of that proxy made up stands before what the proxy added.
    chain = FORGED | {"X-Forwarded-For": f"198.51.100.1, 203.0.113.7, {visitor}"}
    assert heard(project, **chain)["x-forwarded-for"] == "203.0.113.7"
    assert heard(project)["x-forwarded-for"] == visitor


def test_large_headers_pass_and_what_is_too_large_names_its_setting(project, deploy):
    deploy("headers")
    for size in (1_000, 18_000, 30_000):
        status, headers, _ = ask(project, f"/big/{size}")
        assert status == 200
        assert len(headers.get_all("Set-Cookie")) == size // 1000
    assert ask(project, "/big/40000")[0] == 502
    status, _, _ = ask(project, Cookie="x" * 20_000)
    assert status == 200
    status, headers, body = ask(project, "/", "POST", b"", **{"Content-Length": str(11 * 2**20)})
    assert status == 413
    assert b"at most 10m (nginx.max_body)" in body
    assert headers["Server"] == "nginx", "without its version"


def test_the_site_answers_on_ipv6_too(project, deploy):
    deploy("headers")
    ask_ = "curl -g -s -o /dev/null -w '%{http_code}' -H 'Host: shop.example' 'http://[::1]/'"
    there = project.host.run("[ -s /proc/net/if_inet6 ] && echo yes || echo no").strip()
    assert there == "no" or project.host.run(ask_).strip() == "200"


def test_a_probe_asks_as_a_visitor_would(project, deploy):
    deploy("host", health={"host": "shop.example"})
    deploy("host", nginx={"server_name": "shop.example www.shop.example"})
    deploy("https", health={"headers": {"X-Forwarded-Proto": "https"}})
    assert project.status()[0]["version"] == "headers-https"
