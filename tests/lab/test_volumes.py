"""Docker's data on a volume of its own: real devices, real refusals, and what is moved."""

import pytest

from .conftest import make
from .kept_data import gone_and_back, good, grown, keepsake, kept, until_serving


@pytest.fixture(scope="module")
def host(volumeless):
    return volumeless


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


def test_a_deployed_app_moves_to_the_volume_and_serves_again(docker, tmp_path):
    for project in make(tmp_path, 1):
        # Whom setup lets use Docker may do so in the same run, without logging in anew.
        assert "docker" not in project.host.run("id -nG ec2-user").split()
        project.inv("setup", "--env", "lab", "deploy", "--env", "lab", "--version", "one")
        assert "docker" in project.host.run("id -nG ec2-user").split()
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
