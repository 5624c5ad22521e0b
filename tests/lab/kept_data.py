"""What Docker has on a host and must not lose; and volumes that go, come back, and grow."""

import json
import time

from edgepaas_tasks.lab import hosts, volumes
from edgepaas_tasks.lab.alone import alone
from edgepaas_tasks.lab.load import Load
from edgepaas_tasks.remote import local
from tests.lab.conftest import STEADY


def keepsake(project) -> None:
    """An image, a container and a volume with a file: what must survive."""
    project.host.run(
        "tar -C / -c etc/hostname | docker import - keepsake:1; "
        "docker create --name keepsake keepsake:1 /none; docker volume create keepsake; "
        "echo precious >/var/lib/docker/volumes/keepsake/_data/one"
    )


def kept(project) -> None:
    """Docker runs, or comes up by itself, and has everything."""
    project.host.run(
        "end=$(($(date +%s) + 90)); "
        "until docker info >/dev/null 2>&1; do [ $(date +%s) -lt $end ] || exit 1; sleep 0.3; done; "
        "set -e; docker image inspect keepsake:1; docker inspect keepsake; docker volume inspect keepsake"
    )
    at = "$(docker volume inspect -f '{{.Mountpoint}}' keepsake)/one"
    assert project.host.run(f"cat {at}") == "precious"


def volume(project) -> dict:
    return json.loads(project.inv("volume.status", "--env", "lab", "--json").stdout)["edge1"]


def good(project) -> None:
    told = volume(project)
    assert told["ok"], told
    # Nothing is left below the mount, nor beside it.
    left = (
        "mount --bind /var/lib /mnt; ls -A /mnt/docker; umount /mnt; "
        "findmnt -rno TARGET | grep edgepaas || :"
    )
    assert project.host.run(left) == ""


def until_serving(project) -> None:
    deadline = time.monotonic() + 120
    while not project.status()[0]["health"]["ok"]:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def gone_and_back(project) -> None:
    """A volume that is missing after a reboot: the host is up, Docker is down, and preflight says why."""
    host, entries = project.host.host, project.entries()
    assert entries
    local.run("docker", "stop", "-t", "20", host.container, timeout=60)
    # A disk of no size keeps its place: another lab would take a device that is free.
    nothing = project.folder / "nothing"
    nothing.touch()
    with alone(volumes.LOOPS):
        local.run("losetup", "-d", host.device)
        local.run("losetup", host.device, str(nothing))
    hosts.start(host)
    hosts.wait_for_system(host)
    hosts.wait_for_login(host)
    assert project.host.run("systemctl is-active docker || :") != "active"
    assert project.host.run("ls -A /var/lib/docker") == ""
    told = project.inv("preflight", "--env", "lab", code=1).stdout
    assert "Docker is installed and does not answer" in told
    assert "nothing is mounted on /var/lib/docker" in told
    assert f"volume {host.volume} is not attached" in told
    with alone(volumes.LOOPS):
        local.run("losetup", "-d", host.device)
        local.run("losetup", host.device, host.disk)
    project.host.run("systemctl restart lab-devices")
    # What brings a volume into use brings one back as well.
    project.inv("volume.setup", "--env", "lab")
    until_serving(project)
    assert project.entries() == entries


def grown(project) -> None:
    """A volume that was made larger: the file system follows, without a pause."""
    host = project.host.host
    local.run("truncate", "-s", "5G", host.disk)
    local.run("losetup", "-c", host.device)
    before = volume(project)["free_bytes"]
    with Load(project.url, **STEADY) as load:
        said = project.inv("volume.setup", "--env", "lab").stdout
    assert "grew the file system from 4096 to 5120 MB" in said
    assert load.report.failed == 0
    # A file system keeps a part for itself.
    assert volume(project)["free_bytes"] - before > 0.8 * 2**30
    assert "nothing changed" in project.inv("volume.setup", "--env", "lab").stdout
