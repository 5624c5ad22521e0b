"""From what a failed slot shows to its likely cause."""

import pytest

from remote.diagnosis import parse


def shown(
    state="running", code=0, oom="false", probe="000 in 0.0 s", ports=(), disk="/ 900000", log=""
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
            *("== probe", probe, "== ports", *ports, "== disk", disk, "== nginx", "== logs", log),
        ]
    )


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
            shown("exited", 1, log="PermissionError: [Errno 13] Permission denied: '/data/x'"),
            "may not be",
        ),
        (shown("exited", 1, log="psycopg.OperationalError: connection refused"), "database"),
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
