"""What the tasks of versions and images call."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks import settings
from edgepaas_tasks.commands.options import parse_wait
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.images import image as images
from edgepaas_tasks.images.building import build as builds
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.images.shipping.ship import Shipping
from edgepaas_tasks.lease.lease import hold_lease
from edgepaas_tasks.release import image as material
from edgepaas_tasks.release import request as requests
from edgepaas_tasks.release.prune import prune as prune_hosts
from edgepaas_tasks.release.request import Request
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.service.service import connect, load_service
from edgepaas_tasks.settings import Settings


def version(c: Any, env: str, *, asked: str, fresh: bool) -> str:
    """The version, handed on to later steps and jobs. Reads settings and git: no variable, no secret, no host."""
    tree = c.config.get("edgepaas", {})
    chosen = settings.load(tree, env) if env else settings.shared(tree)
    settled = versions.settle(chosen.build, asked, fresh=fresh)
    versions.publish(settled)
    return settled.text


def build(c: Any, env: str, *, asked: str, fresh: bool, pull: bool) -> str:
    """Build on this machine; no host is touched."""
    service = load_service(c, env)
    chosen = service.settings
    with Progress(f"build {chosen.image_name}") as progress, progress.phase("build") as phase:
        images.require_engine()
        settled = _settled(chosen, progress, Request(asked, fresh=fresh))
        made = builds.build(
            chosen.build,
            chosen.image_name,
            settled,
            fresh=fresh,
            pull=pull,
            say=lambda line: progress.step("docker", line),
        )
        phase.outcome = f"{made.size / 1e6:.0f} MB, {len(made.layers)} layers"
    return f"{made.reference} {made.id}"


def push(c: Any, env: str, request: Request, *, wait: str) -> str:
    """Build if need be, and bring the image to the hosts; nothing of it runs there yet."""
    service = load_service(c, env)
    lease_wait = parse_wait(service, wait)
    title = f"push {service.settings.image_name} to {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as found:
        with progress.phase("resolve") as phase:
            settled = _settled(service.settings, progress, request)
            phase.outcome = f"version {settled.text}"
        with hold_lease(service, found, progress, "docker.push", lease_wait) as (_, states):
            machines = {name: state.facts.arch for name, state in states.items()}
            with progress.phase("build") as phase:
                made = material.obtain_image(service, progress, settled, request, machines)
                phase.outcome = made.reference + material.found(made)
            release = Release(0, settled.text, made.id, made.reference, ())
            with progress.phase("ship") as phase:
                phase.outcome = Shipping(service, found, states, release).ship(made)
    return f"{made.reference}: {phase.outcome}"


def prune(c: Any, env: str, *, wait: str) -> str:
    """Remove what no release needs, on the hosts and on this machine."""
    service = load_service(c, env)
    lease_wait = parse_wait(service, wait)
    title = f"prune {service.settings.service}"
    with Progress(title) as progress, connect(service, observe=progress.step) as found:
        with (
            hold_lease(service, found, progress, "docker.prune", lease_wait) as (_, states),
            progress.phase("prune") as phase,
        ):
            removed = prune_hosts(service, found, states)
            told = [line for lines in removed.values() for line in lines]
            phase.outcome = f"{sum(line.startswith('removed ') for line in told)} things"
        here = builds.prune(service.settings.build, service.settings.image_name)
    lines = [f"{host}: {line}" for host, told in removed.items() for line in told]
    lines += [f"this machine: {line}" for line in here]
    return "\n".join(lines) or "nothing to remove"


def _settled(chosen: Settings, progress: Progress, request: Request) -> Version:
    settled, cautions = requests.settle_alone(chosen, request)
    for caution in cautions:
        progress.note(caution)
    return settled
