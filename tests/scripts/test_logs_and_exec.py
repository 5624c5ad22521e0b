"""What is read of a container and run in it: the container chosen, what ends it, what is on no list of processes."""

import subprocess
import time

import pytest

from edgepaas_tasks.remote.command import Command
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.service import logs as inside
from edgepaas_tasks.remote.shell import LocalTransport

DOCKER = """
case $1 in
inspect) for last; do :; done; test -e {here}/$last ;;
logs)
    for last; do :; done
    cat {here}/$last
    case $* in *--follow*) echo $$ >{here}/pid; exec sleep 60 ;; esac
    ;;
exec)
    shift 5 # exec -i -e EDGEPAAS_COMMAND CONTAINER
    exec setsid -w "$@"
    ;;
esac
"""


@pytest.fixture
def docker(stubs, service, tmp_path):
    stubs.add("docker", DOCKER.format(here=tmp_path))
    (service / "live").unlink()
    (service / "live").symlink_to("slots/green/5")
    (tmp_path / "shop-prod-green").write_text("2026-01-02T00:00:00Z new\n2026-01-03T00:00:00Z \n")
    (tmp_path / "shop-prod-blue").write_text("2026-01-01T00:00:00Z old\n")
    return tmp_path


def logs(service, which="live", follow=False):
    layout = Layout("shop-prod")
    made = inside.logs(layout, which=which, lines="5", since="10m", follow=follow)
    values = tuple((dict(made.values) | {"base": str(service)}).items())
    return Command(made.words, body=made.body, ok=made.ok, values=values)


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("live", "green 2026-01-02T00:00:00Z new\ngreen 2026-01-03T00:00:00Z \n"),
        ("previous", "blue 2026-01-01T00:00:00Z old\n"),
        (
            "both",
            "blue 2026-01-01T00:00:00Z old\n"
            "green 2026-01-02T00:00:00Z new\ngreen 2026-01-03T00:00:00Z \n",
        ),
    ],
)
def test_the_named_containers_are_read(run, service, docker, stubs, which, said):
    (result,) = run.host.read(logs(service, which))
    assert result.stdout == said
    asked = [line for line in stubs.said if line.startswith("docker logs")]
    assert all("--tail 5 --since 10m" in line for line in asked)


def test_what_is_not_there_is_said(run, service, docker):
    (docker / "shop-prod-blue").unlink()
    (result,) = run.host.read(logs(service, "previous").allow(61))
    assert "there is no container in blue" in result.stderr
    (service / "live").unlink()
    (service / "live").symlink_to("slots/none/0")
    (result,) = run.host.read(logs(service).allow(61))
    assert "nothing is deployed" in result.stderr


def alive_until(path):
    """Somebody listens until there is something in this file."""
    end = time.monotonic() + 30
    while time.monotonic() < end and not (path.exists() and path.read_text()):
        yield b"\n"
        time.sleep(0.1)


def following(stubs, told):
    import os

    environment = dict(os.environ, PATH=f"{stubs.folder}:{os.environ['PATH']}")
    return Host(LocalTransport("stub", environment), observe=lambda _, line: told.append(line))


def test_following_ends_with_whoever_listens(service, docker, stubs):
    told = []
    following(stubs, told).stream(alive_until(docker / "pid"), logs(service, follow=True))
    assert told == ["green 2026-01-02T00:00:00Z new", "green 2026-01-03T00:00:00Z "]
    pid = (docker / "pid").read_text().strip()
    assert subprocess.run(["kill", "-0", pid], capture_output=True).returncode != 0


def test_a_command_gives_both_streams_and_its_exit_code(docker, stubs):
    told = []
    text = "echo out; echo err >&2; echo; cat; exit 9"
    (result,) = following(stubs, told).stream(
        inside.alive(), inside.execute("shop-prod-green", text)
    )
    assert result.code == 9
    assert sorted(told) == ["1", "1out", "2err"]
    assert not any("echo out" in line for line in stubs.said), "it is on no list of processes"


def test_a_command_ends_with_whoever_listens(docker, stubs):
    begun = time.monotonic()
    command = inside.execute("c", f"echo begun >{docker}/begun; sleep 61; true")
    (result,) = following(stubs, []).stream(alive_until(docker / "begun"), command)
    assert result.code != 0
    assert time.monotonic() - begun < 50
    listed = subprocess.run(["pgrep", "-f", "^sleep 61"], capture_output=True, text=True)
    assert listed.stdout == ""
