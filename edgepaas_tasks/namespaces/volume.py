"""The EBS volume for Docker's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.namespaces.options import DRY_RUN_HELP, ENV_HELP, JSON_HELP

if TYPE_CHECKING:
    from edgepaas_tasks.remote.machine.volume import Volume
    from edgepaas_tasks.service.service import Service


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", json: bool = False) -> None:
    """Show whether Docker's data is on its volume."""
    from edgepaas_tasks.remote.machine import volume as volumes
    from edgepaas_tasks.remote.parallel import attempt
    from edgepaas_tasks.report import fleet as report
    from edgepaas_tasks.service.service import connect

    service, volume = _load_with_volume(c, env)
    with connect(service) as hosts:
        seen, errors = attempt(hosts, lambda host: host.ask(volumes.query(volume)))
    answer(report.volumes, report.volumes_json, volume, seen, errors, json=json)


@task(help={"env": ENV_HELP, "dry_run": DRY_RUN_HELP})
def attach(c: Any, env: str = "", dry_run: bool = False) -> None:
    """Attach the volume to the host's instance, through AWS."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.remote.cloud import aws
    from edgepaas_tasks.service import inventory

    service, volume = _load_with_volume(c, env)
    targets = inventory.targets(service.settings)
    if len(targets) != 1:
        raise Refused(f"{service.settings.environment} has {len(targets)} hosts, and one volume")
    account = inventory.account(service.settings)
    (target,) = targets
    if dry_run:
        to = target.instance or target.address
        say(f"would attach {volume.id} to {to}, if it is not attached there\nnothing was changed")
        return
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
    say(
        f"{done.volume} {verb} to {done.instance} as {done.device}\n"
        f"next: inv volume.setup --env {service.settings.environment}"
    )


@task(help={"env": ENV_HELP, "dry_run": DRY_RUN_HELP})
def setup(c: Any, env: str = "", dry_run: bool = False) -> None:
    """Move Docker's data to the volume, formatted if empty."""
    from edgepaas_tasks.fleet import setup as setups
    from edgepaas_tasks.namespaces.setup import set_up

    _load_with_volume(c, env)
    say(set_up(c, env, dry_run=dry_run, parts=(setups.tools, setups.data_volume)))


def _load_with_volume(c: Any, env: str) -> tuple[Service, Volume]:
    """The service and its volume. Raises Refused where it has none, or several hosts."""
    from edgepaas_tasks.service import inventory
    from edgepaas_tasks.service.service import load_service

    service = load_service(c, env)
    name = service.settings.environment
    if service.volume is None:
        raise Refused(f"{name} has no volume: set edgepaas.volume.id and volume.size")
    if len(inventory.targets(service.settings)) > 1:
        raise Refused(
            f"{name} has several hosts, and a volume belongs to one: give each an environment"
        )
    return service, service.volume


ns = Collection("volume")
ns.add_task(status, default=True)
ns.add_task(attach)
ns.add_task(setup)
