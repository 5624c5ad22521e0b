"""Loop devices that stand for EBS volumes. Only devices on a backing file of this lab are ever touched."""

from __future__ import annotations

import json
from pathlib import Path

from edgepaas_tasks.lab.alone import alone
from remote import local

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
    listed = local.run("losetup", "--list", "--json", "--output", "NAME,BACK-FILE").text
    for entry in json.loads(listed)["loopdevices"] if listed else ():
        if entry["back-file"] == str(disk.resolve()):
            return str(entry["name"])
    return ""


def detach(disk: Path) -> None:
    """Detaches and removes the backing file. A foreign device can not be meant: it is found by the file."""
    found = device(disk)
    if found:
        local.run("losetup", "-d", found)
    disk.unlink(missing_ok=True)
