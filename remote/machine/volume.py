"""Docker's data on a volume of its own: found by its id, refused unless it is empty or ours, mounted for good."""

from __future__ import annotations

from dataclasses import dataclass

from ..command import Command, script
from ..errors import RemoteError
from ..layout import ROOT
from ..question import Question, question

GIB = 2**30
LABEL = "edgepaas"
STAGING = "/var/lib/edgepaas/volume"  # where a volume is mounted while data is copied to it
SLACK = GIB // 64  # a size in GiB is met to within this much


@dataclass(frozen=True)
class Volume:
    """What was asked for. `size` in GiB as EC2 shows it, 0 when not told; `device` is for hosts without by-id names."""

    id: str
    size: int = 0
    filesystem: str = "ext4"
    mount: str = "/var/lib/docker"
    device: str = ""


@dataclass(frozen=True)
class Seen:
    """What a host says of a volume and of the place where it belongs. Sizes in bytes."""

    candidates: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    bytes: int = 0
    type: str = ""
    label: str = ""
    uuid: str = ""
    table: str = ""
    partitions: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    mounted: str = ""
    fstab: str = ""
    sentinel: str = ""
    bound: bool = False
    formatting: str = ""
    data_root: str = ""
    filesystem_bytes: int = 0
    used_bytes: int = 0

    @property
    def device(self) -> str:
        return self.candidates[0] if self.candidates else ""


def query(volume: Volume) -> Question[Seen]:
    command = script("volume-look", id=volume.id, device=volume.device, where=volume.mount)
    return question(command.as_root().called("look at the volume"), parse)


def parse(text: str) -> Seen:
    many: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            many.setdefault(key, []).append(value.strip())
    one = {key: values[-1] for key, values in many.items()}

    def number(key: str) -> int:
        return int(one.get(key) or 0)

    return Seen(
        candidates=tuple(many.get("candidate", ())),
        disks=tuple(many.get("disk", ())),
        bytes=number("bytes"),
        type=one.get("type", ""),
        label=one.get("label", ""),
        uuid=one.get("uuid", ""),
        table=one.get("table", ""),
        partitions=tuple(many.get("partition", ())),
        holders=tuple(many.get("holder", ())),
        mounts=tuple(many.get("mount", ())),
        mounted=one.get("mounted", ""),
        fstab=one.get("fstab", ""),
        sentinel=one.get("sentinel", ""),
        bound=number("bound") > 0 and one.get("drop_in") == "yes",
        formatting=one.get("formatting", ""),
        data_root=one.get("data_root", ""),
        filesystem_bytes=number("filesystem_bytes"),
        used_bytes=number("used_bytes"),
    )


def problem(volume: Volume, seen: Seen) -> tuple[str, str]:
    """Why the volume cannot be used, and what to do; two empty texts when it can."""
    if not seen.candidates:
        return (
            f"volume {volume.id} is not attached (disks seen: {', '.join(seen.disks) or 'none'})",
            "inv volume.attach, or correct edgepaas.volume.id",
        )
    device = seen.device
    named = f"volume {volume.id} ({device}, {_size(seen.bytes)})"
    if len(seen.candidates) > 1:
        found = ", ".join(seen.candidates)
        return f"volume {volume.id} leads to more than one device: {found}", "detach one of them"
    if seen.data_root and seen.data_root != volume.mount:
        return (
            f"Docker keeps its data in {seen.data_root}, not in {volume.mount}",
            f"set edgepaas.volume.mount: {seen.data_root}",
        )
    if seen.mounted and seen.mounted != device:
        return f"{volume.mount} is on another device already: {seen.mounted}", "unmount it first"
    named_there = seen.fstab.partition(" ")[0]
    if named_there not in ("", f"UUID={seen.uuid}", device):
        return f"/etc/fstab mounts {named_there} on {volume.mount}", "remove that line first"
    elsewhere = [place for place in seen.mounts if place not in (volume.mount, STAGING)]
    if elsewhere:
        return f"{named} is mounted on {', '.join(elsewhere)}", "unmount it, or use another volume"
    if seen.holders:
        return f"{named} is in use by {', '.join(seen.holders)}", "use another volume"
    if seen.partitions or seen.table:
        parts = ", ".join(seen.partitions) or "none"
        return (
            f"{named} has a partition table ({seen.table or 'unknown'}, partitions: {parts})",
            "use an empty volume, or wipe it yourself",
        )
    if not formats(volume, seen):
        if seen.label != LABEL or seen.type not in ("ext4", "xfs"):
            return (
                f"{named} has data on it: {seen.type or 'unknown'}, label {seen.label or 'none'}",
                "use an empty volume, or wipe it yourself",
            )
        return "", ""
    if not volume.size:
        return (
            f"{named} is empty, and is formatted only when its size is confirmed",
            f"set edgepaas.volume.size: {seen.bytes // GIB}",
        )
    if abs(seen.bytes - volume.size * GIB) > SLACK:
        return (
            f"{named} is not of the expected size, {volume.size} GiB",
            "correct edgepaas.volume.id or edgepaas.volume.size",
        )
    return "", ""


def formats(volume: Volume, seen: Seen) -> bool:
    """Whether the volume is to be formatted: it is empty, or a formatting of ours was cut off."""
    return not seen.type or seen.formatting == volume.id


def setup(volume: Volume, seen: Seen, host: str) -> Command:
    """Formats if need be, moves Docker's data, mounts for good, grows. Raises RemoteError with nothing changed."""
    why, then = problem(volume, seen)
    if why:
        raise RemoteError(host, f"{why}; nothing was changed", next_step=then)
    what = "format" if formats(volume, seen) else "adopt"
    type = volume.filesystem if what == "format" else seen.type
    command = script(
        "volume-setup",
        uses=("quiet",),
        device=seen.device,
        type=type,
        where=volume.mount,
        what=what,
        id=volume.id,
        services=ROOT,
    )
    return command.as_root().within(3600).called("set up the volume")


def state(volume: Volume, seen: Seen) -> tuple[bool, str]:
    """Whether Docker's data is on the volume for good, and what is there, held against the mount table."""
    lacking = []
    if not seen.mounted:
        why, _ = problem(volume, seen)
        lacking.append(f"nothing is mounted on {volume.mount}" + (f": {why}" if why else ""))
    elif seen.mounted != seen.device:
        lacking.append(
            f"{volume.mount} is on {seen.mounted}, the volume is {seen.device or 'gone'}"
        )
    elif seen.sentinel != f"{volume.id} {seen.uuid}":
        lacking.append(f"the mark on it says {seen.sentinel or 'nothing'}")
    if not lacking and not seen.fstab.startswith(f"UUID={seen.uuid} "):
        lacking.append("/etc/fstab does not name it: it would be gone after a reboot")
    if not lacking and not seen.bound:
        lacking.append("Docker would start without it")
    if lacking:
        return False, "; ".join(lacking)
    return True, f"{volume.id} ({seen.device}, {seen.type}, {_size(seen.bytes)}) on {volume.mount}"


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB"
