"""The engine's start, with a stub docker: verified at the end, never restarted under a deploy."""

import time

import pytest

from edgepaas_tasks.remote.command import source

from .conftest import elsewhere


@pytest.fixture
def host(stubs, tmp_path):
    """A host whose engine runs while `alive` says so."""
    (tmp_path / "alive").touch()
    stubs.add("docker", f"[ -e {tmp_path}/alive ] || {{ echo no engine >&2; exit 1; }}")
    stubs.add("systemctl")
    stubs.add("sleep")
    stubs.add("getent")
    stubs.add("ss")
    (tmp_path / "daemon.json").write_text("{}")
    return tmp_path


@pytest.fixture
def bare(run, host):
    def engine(group="no-group"):
        places = (
            ("/run/edgepaas/", host),
            ("/run/docker.pid", host / "docker.pid"),
            ("/var/lib/edgepaas/", host / "lib"),
            ("/etc/systemd/system/", host / "units"),
        )
        values = {"config": str(host / "daemon.json"), "services": str(host / "services")}
        guard = source("docker-ports").replace("/run/edgepaas/", f"{host}/").encode()
        words = ("engine", "8081", "8082")
        command = elsewhere(
            *words, stdin=guard, uses=("quiet",), places=places, group=group, **values
        )
        (result,) = run.host.read(command)
        return result

    return engine


@pytest.fixture
def engine(bare, stubs):
    """One that was set up before."""
    bare()
    stubs.log.write_text("")
    return bare


def restarts(stubs):
    return [line for line in stubs.said if line == "systemctl restart docker"]


def test_what_runs_after_each_start_of_docker_is_written_once(bare, host, stubs):
    wrote = bare().text.splitlines()
    assert wrote == [
        f"wrote {host}/lib/docker-ports.sh",
        f"wrote {host}/units/edgepaas-docker-ports.service",
    ]
    unit = (host / "units" / "edgepaas-docker-ports.service").read_text()
    assert f"ExecStart=/bin/sh {host}/lib/docker-ports.sh free" in unit
    assert "systemctl daemon-reload" in stubs.said
    stubs.log.write_text("")
    assert bare().text == ""
    assert "systemctl daemon-reload" not in stubs.said
    stubs.add("systemctl", "[ $1 != is-enabled ]")
    bare()
    assert "systemctl enable edgepaas-docker-ports.service" in stubs.said


def kept(stubs, host):
    """Docker listens on 8082 for nobody, until it is restarted."""
    socket = 'LISTEN 0 4096 127.0.0.1:8082 0.0.0.0:* users:(("dockerd",pid=9,fd=9))'
    stubs.add("ss", f"[ -e {host}/freed ] || echo '{socket}'")
    stubs.add("systemctl", f"[ $1 != restart ] || touch {host}/freed")
    stubs.add("docker", "case $* in *LiveRestoreEnabled*) echo true ;; esac")


def test_a_port_that_it_keeps_for_nobody_is_freed_by_a_restart(engine, host, stubs):
    kept(stubs, host)
    (
        host / "docker-ports"
    ).touch()  # the last one was just now: whoever asks for it gets it all the same
    assert engine().text == "restarted docker to free port 8082"
    assert engine().text == ""
    assert len(restarts(stubs)) == 1


def test_a_port_is_not_freed_under_a_deploy(engine, host, stubs):
    kept(stubs, host)
    lease = host / "services" / "shop-prod" / "lease"
    lease.parent.mkdir(parents=True)
    lease.write_text(f"token\n{int(time.time()) + 60}\nsomebody\n")
    assert engine().code == 33
    assert restarts(stubs) == []


def test_a_running_engine_is_left_alone(engine, stubs):
    result = engine()
    assert (result.code, result.text) == (0, "")
    assert not [line for line in stubs.said if "start docker" in line]


def test_an_engine_that_does_not_answer_in_the_end_is_an_error(engine, host, stubs):
    (host / "alive").unlink()
    result = engine()
    assert result.code == 1
    assert "no engine" in result.stderr
    assert "systemctl start docker" in stubs.said


def test_an_engine_that_ends_again_is_not_called_ready(engine, host, stubs):
    """It answers while it is looked at first, and no more at the end."""
    stubs.add("docker", f"rm {host}/alive 2>/dev/null || {{ echo no engine >&2; exit 1; }}")
    assert engine().code == 1


def test_a_changed_configuration_restarts_it_once(engine, host, stubs):
    (host / "docker-restart").touch()
    assert engine().text == "restarted docker with its new configuration"
    assert engine().text == ""
    assert len(restarts(stubs)) == 1


def test_it_is_not_restarted_under_a_deploy_and_is_after_it(engine, host, stubs):
    (host / "docker-restart").touch()
    lease = host / "services" / "shop-prod" / "lease"
    lease.parent.mkdir(parents=True)
    lease.write_text(f"token\n{int(time.time()) + 60}\nsomebody\n")
    result = engine()
    assert result.code == 33
    assert "a deploy is running, Docker is left alone: somebody" in result.stderr
    assert restarts(stubs) == []
    # A lease that ran out is nobody's.
    lease.write_text(f"token\n{int(time.time()) - 1}\nsomebody\n")
    assert engine().code == 0
    assert len(restarts(stubs)) == 1


def test_one_that_does_not_come_up_gets_its_configuration_back(engine, host, stubs):
    (host / "docker-restart").touch()
    (host / "daemon.json").write_text("nonsense")
    (host / "daemon.json.before-edgepaas").write_text("{}")
    fails = f"case $1 in restart) grep -q nonsense {host}/daemon.json && exit 1 ;; esac; exit 0"
    stubs.add("systemctl", fails)
    result = engine()
    assert result.code == 32
    assert "the one before is back" in result.stderr
    assert (host / "daemon.json").read_text() == "{}"
    assert engine().text == "", "nothing is left to do"


def test_the_login_user_may_use_docker_once(engine, run, stubs):
    stubs.add("usermod")
    stubs.add("id", "echo ec2-user adm")
    run.environment["SUDO_USER"] = "ec2-user"
    assert engine("no-group").text == ""
    assert engine("group").text == "let ec2-user use docker, from the next login on"
    assert "usermod -aG docker ec2-user" in stubs.said
    stubs.add("id", "echo ec2-user adm docker")
    assert engine("group").text == ""
