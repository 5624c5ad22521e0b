"""Every flavour of host from bare to ready, seen by testinfra."""

import json
import time

import pytest
import testinfra

from edgepaas_tasks.lab.load import Load

from .conftest import STEADY, make
from .kept_data import gone_and_back, until_serving

FLAVOURS = {
    # system: Docker's packages from where, in the lab's server; the engine's package
    "debian": ("debian", "docker-ce"),
    "centos": ("centos", "docker-ce"),
    "amazon": (None, "docker"),
}


# Amazon's has the same engine as centos: only the way in differs, and is gone without a deploy.
serving = pytest.mark.parametrize("flavour", ["debian", "centos"], indirect=True)


@pytest.fixture(scope="module", params=FLAVOURS)
def flavour(request, docker, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    for project in make(folder, 1, system=request.param, packages=True):
        project.system = request.param
        family, project.package = FLAVOURS[request.param]
        # The beginning of a version is enough: each package manager has its own way to find the rest.
        origin = (
            {"repository": project.repository(family), "origin": "auto", "version": "20.10"}
            if family
            else {}
        )
        volume = {"id": project.host.host.volume, "size": 4}
        project.configure(docker=origin or {"origin": "auto"}, volume=volume)
        yield project


PICTURE = (
    "{ dpkg -l || rpm -qa | sort; } 2>/dev/null | sha256sum; cat /etc/fstab; "
    "find /etc /opt /usr/bin /usr/sbin -type f | sort | xargs sha256sum | sha256sum; "
    "docker info --format '{{.ID}}'; systemctl show docker nginx -p ActiveEnterTimestamp"
)


def test_from_bare_to_ready_with_one_setup(flavour):
    witness = flavour.host
    assert witness.run("command -v dockerd nginx || echo bare") == "bare"
    done = flavour.inv("preflight", "--env", "lab", code=1)
    assert "Docker is not running on this host" in done.stdout
    assert "nothing is mounted on /var/lib/docker" in done.stdout

    said = flavour.inv("setup", "--env", "lab").stdout
    assert f"installed {flavour.package}\n" in said
    assert "restarted docker" not in said

    host = testinfra.get_host(f"docker://{witness.host.container}")
    for name in ("docker", "nginx"):
        assert host.service(name).is_running
        assert host.service(name).is_enabled
    assert host.package("nginx").is_installed
    mount = host.mount_point("/var/lib/docker")
    assert mount.exists
    assert (mount.filesystem, mount.device) == ("ext4", witness.host.device)
    assert host.check_output("docker info --format '{{.Driver}} {{.DockerRootDir}}'") == (
        "overlay2 /var/lib/docker"
    )
    (line,) = [
        line for line in host.file("/etc/fstab").content_string.splitlines() if "docker" in line
    ]
    uuid = host.check_output(f"blkid -p -s UUID -o value {witness.host.device}")
    assert line.startswith(f"UUID={uuid} /var/lib/docker ext4 ")
    assert "nofail" in line
    assert "x-systemd.device-timeout" in line
    assert "var-lib-docker.mount" in host.check_output("systemctl show docker -p Requires")
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["live-restore"]
    assert daemon["userland-proxy"] is False
    assert daemon["log-opts"] == {"max-size": "10m", "max-file": "3"}
    assert "docker" in host.user("ec2-user").groups
    assert host.socket("tcp://0.0.0.0:80").is_listening
    assert "Nothing is deployed here yet" in host.check_output("curl -s http://127.0.0.1/")


def test_a_second_setup_changes_nothing(flavour):
    before = flavour.host.run(PICTURE)
    execs = flavour.host.execs()
    assert "ready, nothing changed" in flavour.inv("setup", "--env", "lab").stdout
    assert flavour.host.execs() - execs <= 3
    assert flavour.host.run(PICTURE) == before
    assert "0 blockers" in flavour.inv("preflight", "--env", "lab").stdout
    for name in ("docker.install", "volume.setup", "nginx.install", "nginx.configure"):
        assert "nothing changed" in flavour.inv(name, "--env", "lab").stdout
    assert flavour.host.run(PICTURE) == before


@serving
def test_a_deploy_works_and_survives_a_reboot(flavour):
    flavour.deploy("--version", "one")
    flavour.write("before the reboot")
    slot = flavour.status()[0]["slot"]
    from edgepaas_tasks.lab import hosts

    hosts.reboot(flavour.host.host)
    until_serving(flavour)
    assert flavour.status()[0]["slot"] == slot
    assert flavour.entries() == ["before the reboot"]
    assert flavour.host.run("findmnt -no SOURCE /var/lib/docker") == flavour.host.host.device
    assert "good" in flavour.inv("volume.status", "--env", "lab").stdout


@serving
def test_the_site_outlives_the_docker_daemon(flavour):
    with Load(flavour.url, **STEADY) as load_:
        time.sleep(1)
        flavour.host.run("kill -KILL $(pidof dockerd)")
        time.sleep(2)
        assert flavour.get("/version")["version"] == "one"
        flavour.host.run("systemctl start docker; docker info >/dev/null")
        time.sleep(1)
    assert load_.report.sent > 100
    assert load_.report.failed == 0, str(load_.report)
    assert flavour.status()[0]["health"]["ok"]


@serving
def test_without_its_volume_docker_stays_down_and_with_it_everything_is_back(flavour):
    gone_and_back(flavour)
