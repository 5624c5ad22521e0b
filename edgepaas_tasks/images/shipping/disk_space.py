"""Room on a host's disk for an image that is on its way."""

from __future__ import annotations

from collections.abc import Sequence

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine import docker, facts
from edgepaas_tasks.remote.machine.facts import Disk
from edgepaas_tasks.remote.service import leftovers, releases
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service import readiness
from edgepaas_tasks.service.service import Service

MB = 2**20
SPARE = 64 * MB  # bytes that stay free
INODES = 1_000  # that a change of code may take


def make(service: Service, host: Host, state: State, size: int, layers: Sequence[str]) -> None:
    """For `size` bytes of an image with these layers, and some to spare; where it lacks, prunes.

    By the ledger, then what transfers left; not what has the lower layers that are not sent. Raises Refused with the
    numbers.
    """
    need = size + SPARE
    disk = readiness.docker_disk(state.facts)
    pruned = ""
    # A code-only change is a few files; a whole image is many.
    inodes = INODES if need < 2 * SPARE else readiness.MINIMUM_INODES
    if disk is not None and _short(disk, need, inodes):
        live = state.releases.get(state.live.release)
        needed = docker.nearest(layers, state.images, live.image if live else "")
        ledger = releases.prune(
            service.layout, dict(state.releases), state.history, state.live.release, 1, needed
        )
        left = leftovers.remove(service.layout, service.settings.image_name, needed)
        commands = (left,) if ledger is None else (ledger, left)
        query = facts.query()
        *said, probe = host.change(*commands, *query.commands)
        disk = readiness.docker_disk(query.parse([probe]))
        removed = sum(result.stdout.count("removed ") for result in said)
        pruned = f", after removing {removed} old releases and images"
    if disk is not None and _short(disk, need, inodes):
        raise Refused(
            f"{host.name}: {disk.path} has {disk.free_bytes // MB} MB and {disk.free_inodes} "
            f"inodes free{pruned}; this image takes {need // MB} MB and about "
            f"{inodes} inodes",
            next_step="docker system df on the host tells what uses it; or a larger volume",
        )


def _short(disk: Disk, bytes: int, inodes: int) -> bool:
    free = disk.free_inodes
    return disk.free_bytes < bytes or (free is not None and free < inodes)
