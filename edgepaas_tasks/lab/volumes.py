"""Loop devices that stand for EBS volumes. Only devices on a backing file of this lab are ever touched."""

from __future__ import annotations

import json
from pathlib import Path

from edgepaas_tasks.lab.alone import alone
from edgepaas_tasks.remote import local

SIZE = "4G"
LOOPS = "loop devices"  # a free one is found, and then taken


def attach(disk: Path) -> str:
    """The loop device on this backing file, made when there is none."""
    if not disk.exists():
        local.run("truncate", "-s", SIZE, str(disk))
    with alone(LOOPS):
        return device(disk) or local.run("losetup", "-f", "--show", str(disk)).text


def device(disk: Path) -> str:
    """The loop device on this backing file, empty when there is none."""
    return next((name for name, file in _devices() if file == str(disk.resolve())), "")


def detach(folder: Path) -> None:
    """Detaches every device on a backing file in this folder; a foreign one cannot be meant."""
    for name, file in _devices():
        # As the kernel tells it when the file is gone.
        if Path(file.removesuffix(" (deleted)")).parent == folder:
            local.run("losetup", "-d", name)


def _devices() -> list[tuple[str, str]]:
    """Every loop device with its backing file."""
    words = ("losetup", "--list", "--json", "--output", "NAME,BACK-FILE")
    listed = local.run(*words, ok=(0, 1, 127)).text
    found = json.loads(listed)["loopdevices"] if listed else ()
    return [(str(entry["name"]), str(entry["back-file"])) for entry in found]
