"""Ports that Docker keeps for containers which never started: which they are, and that only those are freed."""

import pytest

from .conftest import elsewhere


@pytest.fixture
def host(stubs, tmp_path):
    """Containers of ours that may have 8081 and 8082, the first runs; Docker listens on both."""
    found = {"ours": "8081 8082", "used": "8081", "restore": "true", "owner": "dockerd"}

    def sockets(name: str, *ports: int, address: str = "127.0.0.1") -> list[str]:
        return [
            f'LISTEN 0 4096 {address}:{port} 0.0.0.0:* users:(("{name}",pid=7,fd={port}))'
            for port in ports
        ]

    def arrange(lines=None, **over) -> None:
        now = {**found, **over}
        (tmp_path / "sockets").write_text(
            "\n".join(sockets(now["owner"], 8081, 8082) if lines is None else lines) + "\n"
        )
        stubs.add(
            "docker",
            f"""case $* in
            "ps -q -a "*label=edgepaas.service) echo a b ;;
            "ps -q") echo c ;;
            *HostConfig*) printf '{now["ours"]} ' ;;
            *NetworkSettings*) printf '{now["used"]} ' ;;
            *LiveRestoreEnabled*) echo {now["restore"]} ;;
            esac""",
        )

    arrange()
    stubs.add("ss", f"cat {tmp_path}/sockets")
    stubs.add("sleep")
    stubs.add("systemctl")
    arrange.sockets = sockets
    return arrange


@pytest.fixture
def ports(run, tmp_path):
    def ports(what="free", *more):
        place = ("/run/edgepaas/", tmp_path / "run")
        (result,) = run.host.read(elsewhere("docker-ports", what, *more, places=[place]))
        return result

    return ports


def restarted(stubs) -> bool:
    return "systemctl restart docker" in stubs.said


def test_a_port_that_no_running_container_has_is_freed(host, ports, stubs):
    assert ports("look").text == "8082"
    assert not restarted(stubs)
    assert ports().text == "restarted docker to free port 8082"
    assert restarted(stubs)


def test_a_port_of_settings_alone_is_freed_too(host, ports, stubs):
    """After the container that never started was removed."""
    host(ours="8081")
    assert ports("look").text == ""
    assert ports("free", "8081", "8082").text == "restarted docker to free port 8082"


NOT_KEPT = {
    "every port has its container": {"used": "8081 8082"},
    "not ours": {"ours": "8081"},
    "something else listens": {"owner": "docker-proxy"},
    "nothing listens": {"lines": []},
}


@pytest.mark.parametrize("case", NOT_KEPT)
def test_all_else_is_left_alone(host, ports, stubs, case):
    host(**NOT_KEPT[case])
    assert (ports().text, ports("look").text) == ("", "")
    assert not restarted(stubs)


def test_a_public_port_of_docker_itself_is_left_alone(host, ports, stubs):
    host([*host.sockets("dockerd", 8081), *host.sockets("dockerd", 8082, address="0.0.0.0")])
    assert ports().text == ""
    assert not restarted(stubs)


def test_a_container_that_is_just_being_started_is_left_alone(host, ports, stubs, tmp_path):
    """It has its port before it counts as running."""
    stubs.add("sleep", f"sed -i /8082/d {tmp_path}/sockets")
    assert ports().text == ""
    assert not restarted(stubs)


def test_a_docker_that_does_not_answer_is_left_alone(host, ports, stubs):
    """What runs is not known then."""
    stubs.add(
        "docker", """case $* in "ps -q") exit 1 ;; ps*) echo a ;; *) printf '8082 ' ;; esac"""
    )
    assert ports().code == 1
    assert not restarted(stubs)


def test_no_container_is_ended_for_it(host, ports, stubs):
    host(restore="false")
    result = ports()
    assert result.code == 34
    assert "Docker keeps port 8082 for a container that never started" in result.stderr
    assert "live-restore is off: systemctl restart docker" in result.stderr
    assert not restarted(stubs)


def test_it_goes_in_no_circle(host, ports, stubs):
    """Each start of Docker runs it again; here none of them helps."""
    assert ports().code == 0
    again = ports()
    assert again.code == 34
    assert "there was one within the last 5 minutes" in again.stderr
    assert len([line for line in stubs.said if line == "systemctl restart docker"]) == 1
