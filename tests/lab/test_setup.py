"""From a bare host to a ready one."""

import json
import shutil
import subprocess

import pytest

from edgepaas_tasks.lab import lifecycle

from .conftest import make


@pytest.fixture(scope="module")
def bare(docker, tmp_path_factory):
    """A project with one bare host; the tests after the first find it ready."""
    yield from make(tmp_path_factory.mktemp("bare"), 1, system="debian")


def test_a_bare_host_becomes_ready_and_a_second_setup_changes_nothing(bare):
    witness = bare.host
    assert witness.run("command -v docker nginx || echo bare") == "bare"

    planned = bare.inv("setup", "--env", "lab", "--dry-run").stdout
    assert "would run: install Docker" in planned
    assert witness.run("command -v docker nginx || echo bare") == "bare"

    assert "installed nginx" in bare.inv("setup", "--env", "lab").stdout
    assert witness.run("systemctl is-active docker nginx; systemctl is-enabled docker nginx") == (
        "active\nactive\nenabled\nenabled"
    )
    assert witness.run("docker info --format '{{.Driver}}'") == "overlay2"

    picture = "dpkg -l | md5sum; find /etc /opt -newermt @$1 -type f | sort"
    stamp = witness.run("sleep 1.1; date +%s")
    before = witness.run(picture, stamp)
    sudos = witness.execs()
    again = bare.inv("setup", "--env", "lab").stdout
    assert "nothing changed" in again
    assert witness.run(picture, stamp) == before
    assert witness.execs() - sudos <= 3


def test_before_a_deploy_there_is_a_friendly_page(bare):
    answer = bare.host.run("curl -si http://127.0.0.1/anything")
    assert answer.startswith("HTTP/1.1 503")
    assert "Nothing is deployed here yet" in answer
    assert "X-EdgePaaS-Release: 0" in answer
    assert bare.status()[0]["slot"] == ""


def test_the_lab_is_idempotent_and_tells_its_state(bare):
    before = bare.inv("lab.status", "--json").stdout
    again = lifecycle.up(bare.folder / ".lab", lifecycle.Wanted(), print)
    assert [host.container for host in again.hosts] == [bare.host.host.container]
    assert bare.inv("lab.status", "--json").stdout == before
    (host,) = json.loads(before)["hosts"]
    words = (
        *("ssh", "-i", host["key"], "-p", str(host["port"]), "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={host['known_hosts']}"),
    )
    done = subprocess.run(
        [*words, "ec2-user@127.0.0.1", "sudo -n id -u; ls /dev/disk/by-id"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[0] == "0", done.stderr
    volume = host["volume"].replace("-", "")
    assert f"nvme-Amazon_Elastic_Block_Store_{volume}" in done.stdout


@pytest.mark.parametrize("deleted", [False, True], ids=["whole", "folder deleted"])
def test_taking_a_lab_down_leaves_nothing_behind(docker, tmp_path, deleted):
    def left(names):
        """What this machine has of these names: others may have labs too."""
        commands = (
            "docker ps -a --format {{.Names}}",
            "docker volume ls --format {{.Name}}",
            "docker network ls --format {{.Name}}",
            "losetup --list --noheadings --output NAME,BACK-FILE",
        )
        listed = [
            subprocess.run(words.split(), capture_output=True, text=True, check=True).stdout
            for words in commands
        ]
        return [any(name in one for name in names) for one in listed]

    state = lifecycle.up(tmp_path / "lab", lifecycle.Wanted(), print)
    (host,) = state.hosts
    form = "{{range .Mounts}}{{.Name}} {{end}}"
    words = ("docker", "inspect", "-f", form, host.container)
    volumes = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert volumes
    names = (state.network, host.container, *volumes, str(tmp_path))
    assert left(names) == [True] * 4
    if deleted:
        shutil.rmtree(tmp_path / "lab")
    lifecycle.down(tmp_path / "lab", print)
    assert left(names) == [False] * 4
    assert not (tmp_path / "lab").exists()
