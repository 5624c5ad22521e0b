"""The engine and the containers of the hosts, and images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.namespaces.options import (
    DRY_RUN_HELP,
    ENV_HELP,
    JSON_HELP,
    WAIT_HELP,
    parse_wait,
)

if TYPE_CHECKING:
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.images.building.version import Version
    from edgepaas_tasks.release.request import Request
    from edgepaas_tasks.settings import Settings

VERSION_HELP = "Version to tag and show (default: BUILD_VERSION, else the commit)."


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def ps(c: Any, env: str = "", json: bool = False) -> None:
    """Show the service's containers on each host."""
    from edgepaas_tasks.namespaces.status import query_status
    from edgepaas_tasks.report import fleet as report

    answer(report.containers, report.containers_json, *query_status(c, env), json=json)


@task(help={"env": ENV_HELP, "dry_run": DRY_RUN_HELP})
def install(c: Any, env: str = "", dry_run: bool = False) -> None:
    """Install and configure Docker where it is missing."""
    from edgepaas_tasks.fleet import setup
    from edgepaas_tasks.namespaces.setup import set_up

    say(set_up(c, env, dry_run=dry_run, parts=(setup.tools, setup.docker)))


@task(
    help={
        "env": ENV_HELP,
        "version": VERSION_HELP,
        "no_cache": "Build every layer anew.",
        "pull": "Look for a newer base image.",
    }
)
def build(
    c: Any, env: str = "", version: str = "", no_cache: bool = False, pull: bool = False
) -> None:
    """Build the image on this machine; no host is touched."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.images import image as images
    from edgepaas_tasks.images.building import build as builds
    from edgepaas_tasks.release.request import Request
    from edgepaas_tasks.service.service import load_service

    settings = load_service(c, env).settings
    with Progress(f"build {settings.image_name}") as progress, progress.phase("build") as phase:
        images.require_engine()
        request = Request(version, fresh=no_cache, pull=pull)
        made = builds.build(
            request.build_settings(settings.build),
            settings.image_name,
            _settled(settings, progress, request),
            say=lambda line: progress.step("docker", line),
        )
        phase.outcome = f"{made.size / 1e6:.0f} MB, {len(made.layers)} layers"
    say(f"{made.reference} {made.id}")


@task(
    help={
        "env": ENV_HELP,
        "version": VERSION_HELP,
        "image": "This image, pulled if need be, instead of building one.",
        "wait": WAIT_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def push(
    c: Any,
    env: str = "",
    version: str = "",
    image: str = "",
    wait: str = "",
    dry_run: bool = False,
) -> None:
    """Bring the image to the hosts, and start nothing."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.images.shipping.ship import Shipping
    from edgepaas_tasks.lease.lease import hold_lease
    from edgepaas_tasks.release import dry_run as dry_runs
    from edgepaas_tasks.release.image import found, obtain_image
    from edgepaas_tasks.release.request import Request
    from edgepaas_tasks.remote.service.releases import Release
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    lease_wait = parse_wait(service, wait)
    request = Request(version, image)
    title = f"push {service.settings.image_name} to {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        with progress.phase("resolve") as phase:
            settled = _settled(service.settings, progress, request)
            phase.outcome = f"version {settled.text}"
        if dry_run:
            what = image or f"{service.settings.image_name}:{settled.text}"
            line = f"would be sent the layers of {what} that it lacks"
            states = dry_runs.look(service, hosts, progress)
            say(dry_run_report.lines({name: [line] for name in states}))
            return
        with hold_lease(service, hosts, progress, "docker.push", lease_wait) as (_, states):
            machines = {name: state.facts.arch for name, state in states.items()}
            with progress.phase("build") as phase:
                made = obtain_image(service, progress, settled, request, machines)
                phase.outcome = made.reference + found(made)
            release = Release(0, settled.text, made.id, made.reference, ())
            with progress.phase("ship") as phase:
                phase.outcome = Shipping(service, hosts, states, release).ship(made)
    say(f"{made.reference}: {phase.outcome}")


@task(help={"env": ENV_HELP, "wait": WAIT_HELP, "dry_run": DRY_RUN_HELP})
def prune(c: Any, env: str = "", wait: str = "", dry_run: bool = False) -> None:
    """Remove old releases, and unneeded images."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.images.building import build as builds
    from edgepaas_tasks.lease.lease import hold_lease
    from edgepaas_tasks.release import dry_run as dry_runs
    from edgepaas_tasks.release.prune import prune as prune_hosts
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.service.service import connect, load_service

    service = load_service(c, env)
    settings = service.settings
    lease_wait = parse_wait(service, wait)
    title = f"prune {settings.service}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        if dry_run:
            say(dry_run_report.lines(dry_runs.prune(service, hosts, progress)))
            return
        with (
            hold_lease(service, hosts, progress, "docker.prune", lease_wait) as (_, states),
            progress.phase("prune") as phase,
        ):
            removed = prune_hosts(service, hosts, states)
            told = [line for lines in removed.values() for line in lines]
            phase.outcome = f"{sum(line.startswith('removed ') for line in told)} things"
        here = builds.prune(settings.build, settings.image_name)
    lines = [f"{host}: {line}" for host, told in removed.items() for line in told]
    lines += [f"this machine: {line}" for line in here]
    say("\n".join(lines) or "nothing to remove")


def _settled(settings: Settings, progress: Progress, request: Request) -> Version:
    from edgepaas_tasks.release import request as requests

    version, cautions = requests.settle_alone(settings, request)
    for caution in cautions:
        progress.note(caution)
    return version


ns = Collection("docker")
ns.add_task(ps, default=True)
ns.add_task(install)
ns.add_task(build)
ns.add_task(push)
ns.add_task(prune)
