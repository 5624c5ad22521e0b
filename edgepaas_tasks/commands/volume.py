"""What the tasks of the data volume call."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks.commands import root
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused
from edgepaas_tasks.fleet import setup as setups
from edgepaas_tasks.remote.machine import volume as volumes
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.service import inventory
from edgepaas_tasks.service.service import Service, connect, load_service


def status(c: Any, env: str) -> dict[str, dict[str, Any]]:
    """What each host says of the volume, by host."""
    service, volume = _with_volume(c, env)
    with connect(service) as hosts:
        answers, errors = attempt(hosts, lambda host: host.read(volumes.look(volume))[0].stdout)
    told: dict[str, dict[str, Any]] = {
        name: {"ok": False, "volume": volume.id, "found": str(error)}
        for name, error in errors.items()
    }
    for name, text in answers.items():
        seen = volumes.parse(text)
        good, what = volumes.state(volume, seen)
        free = max(0, seen.filesystem_bytes - seen.used_bytes)
        told[name] = {
            "ok": good,
            "volume": volume.id,
            "found": what,
            "device": seen.device,
            "bytes": seen.bytes,
            "free_bytes": free if good else 0,
        }
    return told


def attach(c: Any, env: str) -> str:
    from edgepaas_tasks.remote.cloud import aws

    service, volume = _with_volume(c, env)
    targets = inventory.targets(service.settings)
    if len(targets) != 1:
        raise Refused(f"{service.settings.environment} has {len(targets)} hosts, and one volume")
    account = inventory.account(service.settings)
    (target,) = targets
    with Progress(f"attach {volume.id}") as progress, progress.phase("attach") as phase:
        done = aws.attach(
            account,
            volume.id,
            target.instance or target.address,
            target.name,
            lambda line: progress.step(target.name, line),
        )
        phase.outcome = done.instance
    verb = "attached" if done.changed else "was attached already"
    return (
        f"{done.volume} {verb} to {done.instance} as {done.device}\n"
        f"next: inv volume.setup --env {service.settings.environment}"
    )


def setup(c: Any, env: str) -> str:
    _with_volume(c, env)
    return root.setup(c, env, parts=(setups.tools, setups.data_volume))


def _with_volume(c: Any, env: str) -> tuple[Service, volumes.Volume]:
    service = load_service(c, env)
    if service.volume is None:
        raise Refused(
            f"{service.settings.environment} has no volume: set edgepaas.volume.id and volume.size"
        )
    if len(inventory.targets(service.settings)) > 1:
        raise Refused(
            f"{service.settings.environment} has several hosts, and a volume belongs to one: give each an environment"
        )
    return service, service.volume
