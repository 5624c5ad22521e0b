"""Docker's data on a volume of its own: real devices, real refusals, and a kill at every step."""

import json
import os
import time

import pytest

from edgepaas_tasks.lab import hosts
from edgepaas_tasks.lab.load import Load
from remote import local

from .conftest import make

SOAK = os.environ.get("EDGEPAAS_SOAK") == "1"

# What a killed run may have left, taken away again; the host as it was before its first volume.setup.
RESET = r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin
device=$1
systemctl stop docker.socket docker
docker_mounts() { findmnt -rno TARGET | grep -E '^/var/lib/(docker|edgepaas)' | sort -r; }
docker_mounts | while read -r at; do umount "$at" || umount -l "$at"; done
wipefs -aq "$device"
rm -rf /var/lib/edgepaas /etc/systemd/system/docker.service.d /var/lib/docker
sed -i '/var.lib.docker/d' /etc/fstab
systemctl daemon-reload
cp -a /var/lib/docker.kept /var/lib/docker
rm -f /run/kill-*
systemctl reset-failed docker.service docker.socket
systemctl start docker
"""

# Programs that change something, each counted before it runs, and its shell killed before the one that is asked for.
WRAPPED = "mkdir mv mkfs.ext4 sync rm mount umount cp find systemctl systemd-run"
WRAP = r"""
for name in WRAPPED; do
    real=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$name")
    cat >"/usr/local/sbin/$name" <<END
#!/bin/sh
n=\$((\$(cat /run/kill-count 2>/dev/null || echo 0) + 1))
echo \$n >/run/kill-count
echo "\$n $name \$*" | head -n 1 >>/run/kill-log
if [ "\$n" = "\$(cat /run/kill-at 2>/dev/null)" ]; then kill -KILL \$PPID; exit 137; fi
exec $real "\$@"
END
    chmod 755 "/usr/local/sbin/$name"
done
""".replace("WRAPPED", WRAPPED)
UNWRAP = f"PATH=/usr/bin:/bin; cd /usr/local/sbin && rm -f {WRAPPED}; rm -f /run/kill-*"

# The steps that matter most; `make soak` takes all of them.
CHOSEN = (
    "mkfs.ext4 ",
    "rm -f /var/lib/edgepaas/volume-formatting",
    "mount -t ext4",
    "systemctl stop docker.socket docker",
    "cp -ax",
    "rm /var/lib/edgepaas/before",
    "mv /etc/fstab.edgepaas",
    "umount /var/lib/edgepaas/volume",
    "mount /var/lib/docker",
    "systemctl start docker",
    "find /var/lib/edgepaas/below",
    "rm -f /var/lib/docker/.edgepaas-copying",
)


@pytest.fixture(scope="module")
def host(docker, tmp_path_factory):
    """A ready host without a volume, and the settings that name the one it could have."""
    for project in make(tmp_path_factory.mktemp("volumes"), 1):
        project.inv("setup", "--env", "lab")
        project.volume = {"id": project.host.host.volume, "size": 4}
        project.device = project.host.host.device
        yield project


def refused(project, **over) -> str:
    """What volume.setup says when it refuses, with the device and the host as they were."""
    project.configure(volume={**project.volume, **over})
    picture = (
        "head -c 64M $1 | sha256sum; tail -c 16M $1 | sha256sum; cat /etc/fstab; findmnt -rn | grep -v /run | sort; "
        "systemctl show docker -p ActiveEnterTimestamp; ls -A /var/lib/docker"
    )
    before = project.host.run(picture, project.device)
    said = project.inv("volume.setup", "--env", "lab", code=1).stderr
    assert project.host.run(picture, project.device) == before
    return said


def test_what_is_not_an_empty_volume_of_the_expected_size_is_refused(host):
    run, device, volume = host.host.run, host.device, host.volume["id"]
    assert "is empty, and is formatted only when its size is confirmed" in refused(host, size=0)
    assert f"({device}, 4.0 GiB) is not of the expected size, 5 GiB" in refused(host, size=5)
    assert "vol-0000000000 is not attached (disks seen:" in refused(host, id="vol-0000000000")
    # An older instance shows no ids: the name that was given leads to the device.
    by_name = refused(host, id="vol-0000000000", device=device, size=5)
    assert f"({device}, 4.0 GiB) is not of the expected size" in by_name

    run("mkfs.ext4 -q -L photos $1", device)
    said = refused(host)
    assert f"volume {volume} ({device}, 4.0 GiB) has data on it: ext4, label photos" in said
    run(
        "mkdir /srv/photos; mount $1 /srv/photos; echo precious >/srv/photos/one; mount -o remount,ro /srv/photos",
        device,
    )
    assert "is mounted on /srv/photos" in refused(host)
    assert run("cat /srv/photos/one") == "precious"
    run("umount /srv/photos; wipefs -aq $1", device)

    run("mkfs.xfs -q -f $1", device)
    assert "has data on it: xfs, label none" in refused(host)
    run("wipefs -aq $1; mkswap $1 >/dev/null 2>&1", device)
    assert "has data on it: swap" in refused(host)
    run("wipefs -aq $1", device)
    # The boot sector of a disk with one Linux partition: its entry at 446, the signature at 510.
    run(
        r"printf '\0\0\0\0\203\0\0\0\0\10\0\0\0\0\10\0' | dd of=$1 bs=1 seek=446 conv=notrunc status=none; "
        r"printf '\125\252' | dd of=$1 bs=1 seek=510 conv=notrunc status=none",
        device,
    )
    assert "has a partition table (dos" in refused(host)
    run("wipefs -aq $1", device)

    link = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}_1"
    run("ln -s /dev/null $1", link)
    assert "leads to more than one device: /dev/" in refused(host)
    run("rm $1", link)


def test_a_volume_that_holds_files_of_others_is_refused_even_under_our_label(host):
    host.host.run(
        "mkfs.ext4 -q -L edgepaas $1; mount $1 /mnt; echo precious >/mnt/one; umount /mnt",
        host.device,
    )
    host.configure(volume=host.volume)
    said = host.inv("volume.setup", "--env", "lab", code=1).stderr
    assert "holds files that are not ours: nothing was moved" in said
    assert host.host.run("mount $1 /mnt; cat /mnt/one; umount /mnt", host.device) == "precious"
    host.host.run("wipefs -aq $1; rm -rf /var/lib/edgepaas", host.device)


def test_more_data_than_the_volume_has_room_for_is_refused(host):
    host.host.run("fallocate -l 4300M /var/lib/docker/ballast")
    host.configure(volume=host.volume)
    said = host.inv("volume.setup", "--env", "lab", code=1).stderr
    assert "the volume has room for" in said
    assert host.host.run("systemctl is-active docker; findmnt /var/lib/docker || echo no") == (
        "active\nno"
    )
    host.host.run(
        "rm /var/lib/docker/ballast; wipefs -aq $1; rm -rf /var/lib/edgepaas", host.device
    )


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
        "n=0; until docker info >/dev/null 2>&1; do n=$((n+1)); [ $n -lt 60 ] || exit 1; sleep 0.3; done; "
        "set -e; docker image inspect keepsake:1; docker inspect keepsake; docker volume inspect keepsake"
    )
    at = "$(docker volume inspect -f '{{.Mountpoint}}' keepsake)/one"
    assert project.host.run(f"cat {at}") == "precious"


def good(project) -> None:
    told = json.loads(project.inv("volume.status", "--env", "lab", "--json").stdout)
    assert told["edge1"]["ok"], told
    # Nothing is left below the mount, nor beside it.
    left = (
        "mount --bind /var/lib /mnt; ls -A /mnt/docker; umount /mnt; "
        "findmnt -rno TARGET | grep edgepaas || :"
    )
    assert project.host.run(left) == ""


def test_killed_at_any_step_docker_runs_nothing_is_lost_and_a_rerun_completes(host):
    run = host.host.run
    keepsake(host)
    host.configure(volume=host.volume)
    run(
        "systemctl stop docker.socket docker; cp -a /var/lib/docker /var/lib/docker.kept; systemctl start docker"
    )
    run(WRAP)
    try:
        host.inv("volume.setup", "--env", "lab")
        kept(host)
        good(host)
        steps = run("cat /run/kill-log").splitlines()
        points = [
            index
            for index, step in enumerate(steps, 1)
            if SOAK or step.split(" ", 1)[1].startswith(CHOSEN)
        ]
        assert len(points) >= len(CHOSEN)
        for point in points:
            run(RESET, host.device)
            run("PATH=/usr/bin:/bin; rm -f /run/kill-*; echo $1 >/run/kill-at", str(point))
            killed = host.start("volume.setup", "--env", "lab")
            _, said = killed.communicate(timeout=120)
            what = f"{steps[point - 1]}: {said}"
            assert "Traceback" not in said, what
            run("PATH=/usr/bin:/bin; rm -f /run/kill-at")
            kept(host)
            host.inv("volume.setup", "--env", "lab")
            kept(host)
            good(host)
    finally:
        run(UNWRAP)
    run("rm -rf /var/lib/docker.kept")


def test_a_deployed_app_moves_to_the_volume_and_serves_again(docker, tmp_path):
    for project in make(tmp_path, 1):
        project.inv("setup", "--env", "lab")
        project.deploy("--version", "one")
        project.write("before the move")
        keepsake(project)
        volume = {"id": project.host.host.volume, "size": 4, "filesystem": "xfs"}
        project.configure(volume=volume)
        done = project.deploy(code=1)
        assert "nothing is mounted on /var/lib/docker" in done.stderr

        # Containers that outlived their daemon: nobody could stop them for the copy.
        project.host.run("systemctl stop docker.socket docker")
        done = project.inv("volume.setup", "--env", "lab", code=1)
        assert "Docker does not answer while containers run" in done.stderr
        assert project.get("/version")["version"] == "one"
        project.host.run("systemctl start docker")

        said = project.inv("volume.setup", "--env", "lab").stdout
        assert "moved what Docker had to the volume" in said
        kept(project)
        good(project)
        until_serving(project)
        assert project.entries() == ["before the move"]
        project.deploy("--version", "two")

        gone_and_back(project)
        grown(project)
        two_data_sets(project)


def until_serving(project) -> None:
    deadline = time.monotonic() + 60
    while not project.status()[0]["health"]["ok"]:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def gone_and_back(project) -> None:
    """A volume that is missing after a reboot: the host is up, Docker is down, and preflight says why."""
    host = project.host.host
    local.run("docker", "stop", "-t", "20", host.container, timeout=60)
    local.run("losetup", "-d", host.device)
    hosts.start(host)
    hosts.wait_for_system(host)
    hosts.wait_for_login(host)
    assert project.host.run("systemctl is-active docker || :") != "active"
    assert project.host.run("ls -A /var/lib/docker") == ""
    told = project.inv("preflight", "--env", "lab", code=1).stdout
    assert "Docker is installed and does not answer" in told
    assert "nothing is mounted on /var/lib/docker" in told
    assert f"volume {host.volume} is not attached" in told
    local.run("losetup", host.device, host.disk)
    project.host.run("systemctl restart lab-devices")
    # What brings a volume into use brings one back as well.
    project.inv("volume.setup", "--env", "lab")
    until_serving(project)
    assert project.entries() == ["before the move"]


def grown(project) -> None:
    """A volume that was made larger: the file system follows, without a pause."""
    host = project.host.host
    local.run("truncate", "-s", "5G", host.disk)
    local.run("losetup", "-c", host.device)
    with Load(project.url, connections=4) as load:
        said = project.inv("volume.setup", "--env", "lab").stdout
    assert "grew the file system from 4096 to 5120 MB" in said
    assert load.report.failed == 0
    told = json.loads(project.inv("volume.status", "--env", "lab", "--json").stdout)
    assert told["edge1"]["free_bytes"] > 4 * 2**30
    assert "nothing changed" in project.inv("volume.setup", "--env", "lab").stdout


def two_data_sets(project) -> None:
    """An instance that was replaced: its volume counts, unless the new root disk has something of its own."""
    run = project.host.run
    run(
        "systemctl stop docker.socket docker; pkill -f '[u]vicorn'; sleep 2; "
        "findmnt -rno TARGET | grep '^/var/lib/docker' | sort -r | while read -r at; do umount -l $at; done; "
        "sed -i '/var.lib.docker/d' /etc/fstab; rm -rf /etc/systemd/system/docker.service.d; "
        "systemctl daemon-reload; systemctl reset-failed docker.service docker.socket; systemctl start docker; "
        "docker volume create foreign"
    )
    said = project.inv("volume.setup", "--env", "lab", code=1).stderr
    assert "both the volume and /var/lib/docker hold Docker data: nothing was moved" in said
    run("docker volume rm foreign")
    project.inv("volume.setup", "--env", "lab")
    kept(project)


def test_a_deploy_to_a_full_disk_prunes_by_the_ledger_or_refuses_with_numbers(docker, tmp_path):
    for project in make(tmp_path, 1):
        project.configure(volume={"id": project.host.host.volume, "size": 4})
        project.inv("setup", "--env", "lab")
        run = project.host.run
        ballast = project.app / "guestbook" / "ballast"
        for version in ("one", "two", "three", "four"):
            # A layer of its own size each, so that pruning frees something.
            ballast.write_bytes(os.urandom(60 * 2**20))
            project.deploy("--version", version)
        free = "df --output=avail -B1M /var/lib/docker | tail -1"
        # Too little for one more, enough once the oldest are gone.
        run(f"fallocate -l $(( $({free}) - 150 ))M /var/lib/docker/filler")
        ballast.write_bytes(os.urandom(60 * 2**20))
        project.deploy("--version", "five")
        assert project.get("/version")["version"] == "five"
        images = run("docker images --format '{{.Tag}}'").split()
        assert "one" not in images
        assert {"four", "five"} <= set(images)

        run(f"fallocate -l $(( $({free}) - 20 ))M /var/lib/docker/filler2")
        ballast.write_bytes(os.urandom(60 * 2**20))
        before = without_history(project)
        said = project.deploy("--version", "six", code=1).stderr
        assert "/var/lib/docker has" in said
        assert "this image takes" in said
        told = project.inv("preflight", "--env", "lab", code=1).stdout
        assert "MB free under /var/lib/docker, a deploy takes" in told
        # What the ledger could spare is gone; nothing came that was not there before.
        assert not set(without_history(project)) - set(before)
        assert run("ls -A /var/lib/docker/tmp") == ""
        assert project.host.leases() == ""
        assert project.get("/version")["version"] == "five"
        run("rm /var/lib/docker/filler /var/lib/docker/filler2")

        # A full inode table, on a disk with bytes enough.
        run(
            "mkdir /var/lib/docker/many; cd /var/lib/docker/many; "
            "n=$(($(df --output=iavail . | tail -1) - 500)); seq $n | xargs touch"
        )
        told = project.inv("preflight", "--env", "lab", code=1).stdout
        assert "inodes free under /var/lib/docker" in told
        assert "inodes free" in project.deploy("--version", "seven", code=1).stderr
        run("rm -rf /var/lib/docker/many")
        project.deploy("--version", "eight")


def without_history(project) -> list[str]:
    """A host's picture without the journal, which tells of a refused deploy."""
    return [line for line in project.host.picture().splitlines() if "history.jsonl" not in line]
