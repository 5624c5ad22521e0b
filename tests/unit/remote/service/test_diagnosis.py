"""From what a failed slot shows to its likely cause."""

import pytest

from edgepaas_tasks.remote.service.diagnosis import parse


def shown(
    state="running",
    code=0,
    oom="false",
    probe="000 in 0.0 s",
    ports=(),
    disk="/ 900000",
    log="",
    image="amd64",
):
    return "\n".join(
        [
            *(
                "== state",
                f"status={state}",
                f"exit_code={code}",
                f"oom_killed={oom}",
                "restarts=0",
            ),
            *("== image", f"architecture={image}", "user=10001", "host=amd64"),
            *("== mounts", "/data 0 755", ""),
            *("== probe", probe, "== ports", *ports, "== disk", disk, "== nginx", "== logs", log),
        ]
    )


PYDANTIC = "1 validation error for Settings\napi_key\n  Field required [type=missing, input={}]"
ASGI = 'ERROR:    Error loading ASGI app. Could not import module "shop".'
HTTPS = '301 in 0.01 s, redirect to "https://shop.example/health"'
ANY_8000 = "00000000:1F40"
ANY_9000 = "00000000:2328"
LOOPBACK_8000 = "0100007F:1F40"
LOOPBACK6_8000 = "00000000000000000000000001000000:1F40"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (shown(ports=[ANY_9000]), "listens on port 9000, not on container.port 8000"),
        (shown(ports=[LOOPBACK_8000]), "listens on 127.0.0.1 inside the container"),
        (shown(ports=[LOOPBACK6_8000]), "listens on ::1 inside the container"),
        (shown(), "nothing listens inside the container"),
        (shown("exited", 137, oom="true"), "ran out of memory"),
        (shown(probe="404 in 0.01 s", ports=[ANY_8000]), "has no /health"),
        (shown(probe="301 in 0.01 s", ports=[ANY_8000]), "redirects"),
        (shown(probe="503 in 0.01 s", ports=[ANY_8000]), "answers /health with 503"),
        (shown("exited", 1, log="ModuleNotFoundError: No module named 'x'"), "No module named 'x'"),
        (shown("exited", 1, log="KeyError: 'API_KEY'"), "the variable API_KEY is missing"),
        (shown("exited", 1, log="exec format error"), "another processor architecture"),
        (
            shown("exited", 1, log="PermissionError: [Errno 13] Permission denied: '/etc/x'"),
            "permission denied on /etc/x: the image runs as 10001",
        ),
        (
            shown("exited", 1, log="PermissionError: [Errno 13] Permission denied: '/data/x'"),
            "permission denied on the mount /data (/data/x): the image runs as 10001, "
            "the mount belongs to uid 0 (mode 755)",
        ),
        (shown("exited", 1, log="permission denied for table entries"), "the database's user"),
        (shown("exited", 137), "was killed, most likely for want of memory"),
        (shown("exited", 1, log=PYDANTIC), "the variable api_key is missing"),
        (shown("exited", 1, log="exec format error", image="arm64"), "arm64, the host is amd64"),
        (shown(probe=HTTPS, ports=[ANY_8000]), "https://shop.example/health: the app wants https"),
        (shown("exited", 1, log="sqlite3.OperationalError: no such table: x"), "no schema"),
        (shown(ports=[ANY_8000]), "takes connections and does not answer"),
        (shown("exited", 1, log=ASGI), "import fails: Could not import module"),
        (
            shown("exited", 1, log="psycopg.OperationalError: connection refused"),
            "the database cannot be reached: psycopg.OperationalError: connection refused",
        ),
        (shown("exited", 1, disk="/var/lib/docker 100"), "the disk is full"),
        (shown("exited", 3), "ended with exit code 3"),
        (
            shown(log="Cannot connect to the Docker daemon at unix:///x").replace("status=", ""),
            "Docker stopped on this host",
        ),
    ],
)
def test_the_likely_cause(text, cause):
    assert cause in parse(text, port=8000, health_path="/health").cause


def test_the_report_has_the_last_lines_of_the_log():
    text = shown("exited", 1, log="first\n== looks like a section\nlast")
    lines = parse(text, port=8000, health_path="/health").lines()
    assert lines[0].startswith("likely cause: ")
    assert lines[-2:] == ["  == looks like a section", "  last"]


def test_what_docker_says_of_a_container_that_it_could_not_run_counts_too():
    said = "docker: Error response from daemon: driver failed: Bind: port is already allocated."
    found = parse(shown("created", 0), port=8000, health_path="/health", said=said)
    assert found.cause == "another program of the host has the port: check slots"
    said = "/opt/x/data belongs to uid 0, the image runs as 10001"
    found = parse("== state", port=8000, health_path="/health", said=said)
    assert found.cause == f"permission: the app's data {said.removeprefix('/opt/x/data ')}"


ELSEWHERE = '301 in 0.01 s, redirect to "http://www.shop.example/health"'
SLASH = '308 in 0.01 s, redirect to "http://localhost:8081/health/"'
LOGIN = '302 in 0.01 s, redirect to "http://localhost:8081/login?next=/health"'
DJANGO = "django.core.exceptions.DisallowedHost: Invalid HTTP_HOST header: 'localhost'"


@pytest.mark.parametrize(
    ("probe", "log", "cause"),
    [
        ("400 in 0.01 s", DJANGO, "refuses the host name localhost: allow it"),
        ("400 in 0.01 s", "Invalid host header", "refuses the host name localhost: allow it"),
        ("400 in 0.01 s", "", "with 400, a bad request: does it refuse the host name localhost"),
        ("421 in 0.01 s", "", "refuses the host name localhost: allow it"),
        ("401 in 0.01 s", "", "/health wants a login"),
        ("403 in 0.01 s", "", "/health is forbidden to the probe"),
        ("405 in 0.01 s", "", "/health does not answer GET"),
        ("406 in 0.01 s", "", "/health refuses what the probe accepts"),
        ("426 in 0.01 s", "", "is it for websockets"),
        ("429 in 0.01 s", "", "limited in its rate"),
        (ELSEWHERE, "", "the app wants another host name: set health.host: www.shop.example"),
        (SLASH, "", "set health.path: /health/"),
        (LOGIN, "", "redirects to http://localhost:8081/login: does it want a login?"),
        (HTTPS, "", "set health.headers: {X-Forwarded-Proto: https} and nginx.trusted_proxies"),
    ],
)
def test_each_way_to_refuse_a_probe_has_its_own_words(probe, log, cause):
    text = shown(probe=probe, ports=[ANY_8000], log=log)
    assert cause in parse(text, port=8000, health_path="/health").cause
