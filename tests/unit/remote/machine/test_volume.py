"""When a volume may be used, and when it is refused with what was seen."""

from dataclasses import replace

import pytest

from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.machine import volume
from edgepaas_tasks.remote.machine.volume import GIB, Seen, Volume

ID = "vol-0123456789abcdef0"
WANTED = Volume(ID, size=4)
EMPTY = Seen(candidates=("/dev/nvme1n1",), bytes=4 * GIB, disks=("/dev/nvme0n1 8G",))
OURS = replace(EMPTY, type="ext4", label="edgepaas", uuid="u-1")
MOUNTED = replace(
    OURS,
    mounted="/dev/nvme1n1",
    mounts=("/var/lib/docker",),
    fstab="UUID=u-1 ext4 defaults",
    sentinel=f"{ID} u-1",
    bound=True,
)

REFUSED = {
    "not attached": replace(EMPTY, candidates=()),
    "more than one device: /dev/nvme1n1, /dev/nvme2n1": replace(
        EMPTY, candidates=("/dev/nvme1n1", "/dev/nvme2n1")
    ),
    "has data on it: xfs, label photos": replace(EMPTY, type="xfs", label="photos"),
    "has data on it: LVM2_member": replace(EMPTY, type="LVM2_member"),
    "partition table (gpt, partitions: /dev/nvme1n1p1)": replace(
        EMPTY, table="gpt", partitions=("/dev/nvme1n1p1",)
    ),
    "is mounted on /srv": replace(OURS, mounts=("/srv",)),
    "in use by /dev/dm-0": replace(EMPTY, holders=("/dev/dm-0",)),
    "not of the expected size, 4 GiB": replace(EMPTY, bytes=8 * GIB),
    "is on another device already: /dev/sdx": replace(EMPTY, mounted="/dev/sdx"),
    "mounts UUID=other on /var/lib/docker": replace(EMPTY, fstab="UUID=other ext4 defaults"),
    "keeps its data in /srv/docker": replace(EMPTY, data_root="/srv/docker"),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_not_empty_or_not_meant_is_refused(said):
    with pytest.raises(RemoteError) as caught:
        volume.setup(WANTED, REFUSED[said], "web1")
    assert said in str(caught.value)
    assert "nothing was changed" in str(caught.value)


def test_an_empty_volume_is_formatted_only_with_its_size_confirmed():
    with pytest.raises(RemoteError, match="set edgepaas.volume.size: 4"):
        volume.setup(Volume(ID), EMPTY, "web1")
    words = dict(volume.setup(WANTED, EMPTY, "web1").values)
    assert words == {
        "device": "/dev/nvme1n1",
        "type": "ext4",
        "where": "/var/lib/docker",
        "what": "format",
        "id": ID,
        "services": "/opt/edgepaas",
    }


def test_a_volume_that_served_before_is_adopted_with_its_own_file_system():
    seen = replace(OURS, type="xfs", bytes=9 * GIB)
    assert ("type", "xfs") in volume.setup(WANTED, seen, "web1").values
    assert ("what", "adopt") in volume.setup(WANTED, seen, "web1").values


def test_a_formatting_that_was_cut_off_is_done_again():
    seen = replace(OURS, formatting=ID)
    assert ("what", "format") in volume.setup(WANTED, seen, "web1").values
    other = replace(OURS, formatting="vol-00000000")
    assert ("what", "adopt") in volume.setup(WANTED, other, "web1").values


def test_a_copy_that_was_cut_off_goes_on():
    volume.setup(WANTED, replace(OURS, mounts=(volume.STAGING,)), "web1")


LACKING = {
    "nothing is mounted": replace(MOUNTED, mounted=""),
    "is on /dev/sdx": replace(MOUNTED, mounted="/dev/sdx"),
    "the mark on it says nothing": replace(MOUNTED, sentinel=""),
    "the mark on it says vol-x u-1": replace(MOUNTED, sentinel="vol-x u-1"),
    "gone after a reboot": replace(MOUNTED, fstab=""),
    "Docker would start without it": replace(MOUNTED, bound=False),
}


@pytest.mark.parametrize("said", LACKING)
def test_the_mark_is_held_against_the_mount_table(said):
    assert volume.state(WANTED, MOUNTED)[0]
    good, found = volume.state(WANTED, LACKING[said])
    assert not good
    assert said in found


def test_what_the_script_prints_becomes_what_was_seen():
    text = f"""candidate=/dev/loop0
disk=/dev/vda 40G
disk=/dev/loop0 4G
mounted=/dev/loop0
filesystem_bytes=4089446400
fstab=UUID=u-1 ext4 defaults,nofail
sentinel={ID} u-1
bound=1
drop_in=yes
used_bytes=1000
data_root=/var/lib/docker
bytes=4294967296
uuid=u-1
label=edgepaas
type=ext4
mount=/var/lib/docker
"""
    seen = volume.parse(text)
    assert seen.disks == ("/dev/vda 40G", "/dev/loop0 4G")
    assert volume.state(WANTED, seen) == (
        True,
        f"{ID} (/dev/loop0, ext4, 4.0 GiB) on /var/lib/docker",
    )
