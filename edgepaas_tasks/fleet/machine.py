"""What this machine brings to a deploy: its system, Docker, git, a key, scripts, variables, an image for the hosts."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgepaas_tasks.console import ci
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.fleet import maintenance, migrations
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import secret_scan
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.machine import systems
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service import inventory
from edgepaas_tasks.service.readiness import BLOCKER, OK, UNKNOWN, WARNING, Check
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import certificate, environment

HERE = local.HERE


def checks(service: Service, *, builds: bool = True) -> Iterator[Check]:
    """What a deploy finds out about this machine before it touches a host; `builds`: it builds the image here."""
    place = ci.detect()
    runner = place.runner or "a developer's machine"
    system = {"Darwin": "macOS"}.get(platform.system(), platform.system())
    known = system in ("Linux", "macOS")
    yield Check(
        HERE,
        "system",
        OK if known else BLOCKER,
        f"{system} {platform.machine()}, {runner}",
        "" if known else "use Linux or macOS (on Windows: WSL)",
    )
    if place.github:
        yield _github(place)
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Check(HERE, "python", OK if good else BLOCKER, f"Python {version}", "use 3.11 or later")
    try:
        image.require_engine()
        engine = local.run("docker", "version", "--format", "{{.Server.Version}}").text
        yield Check(HERE, "docker", OK, f"engine {engine}")
    except Refused as error:
        yield Check(HERE, "docker", BLOCKER, error.problem, "start Docker on this machine")
    if builds:
        yield _git(service)
        yield from _build(service)
    yield from _files(service)
    yield _key(service)
    if builds:
        yield from migrations.checks(service)


def _github(place: ci.Place) -> Check:
    """Later steps and jobs, and the run's page, get what these files are written."""
    lost = [name for name, writable in ci.files().items() if not writable]
    where = f"{place.runner}, {place.run_url}" if place.run_url else place.runner
    if lost:
        step = "run this in a step of the job, not in a container that does not mount them"
        return Check(HERE, "ci", WARNING, f"{where}; cannot write {', '.join(lost)}", step)
    return Check(HERE, "ci", OK, where)


def _git(service: Service) -> Check:
    context = Path(service.settings.build.context)
    try:
        version = versions.settle(service.settings.build, "")
    except SettingsError as error:
        first = error.problem.partition("\n")[0]
        return Check(HERE, "git", WARNING, first, "give --version to deploy")
    except Refused as error:
        return Check(HERE, "git", BLOCKER, error.problem, error.next_step)
    except CommandFailed as error:
        said = f"{error.problem.partition(';')[0]}: {error.got.partition(chr(10))[0]}"
        return Check(HERE, "git", BLOCKER, said, error.next_step)
    words = ("git", "-C", str(context), "rev-parse", "--is-shallow-repository")
    if local.run(*words, ok=(0, 127, 128)).text == "true":
        found = f"version {version.text}, from a shallow clone: ancestry cannot be told"
        return Check(HERE, "git", WARNING, found, "fetch-depth: 0 in the workflow")
    if service.settings.production_like and (found := versions.uncommitted(version)):
        return Check(HERE, "git", WARNING, found, "commit, or stash what is not meant for it")
    return Check(HERE, "git", OK, f"version {version.text}")


def _build(service: Service) -> Iterator[Check]:
    """What would be sent to the engine, and what must not be."""
    build = service.settings.build
    try:
        warnings = secret_scan.check(build)
    except (SettingsError, Refused) as error:
        yield Check(HERE, "build", BLOCKER, error.problem, error.next_step)
        return
    for found in warnings:
        yield Check(HERE, "build", WARNING, found, "add it to .dockerignore")
    if not warnings:
        yield Check(HERE, "build", OK, f"{Path(build.context) / build.dockerfile}")


def _files(service: Service) -> Iterator[Check]:
    """The files that the settings name, which hosts are sent."""
    for read in (certificate.wanted, maintenance.page_of):
        try:
            read(service.settings)
        except SettingsError as error:
            yield Check(HERE, "files", BLOCKER, str(error), "correct the path in invoke.yaml")


def _key(service: Service) -> Check:
    """Whether there is anything to log in with; which key a host takes, only the host can tell."""
    for target in inventory.targets(service.settings):
        if target.key is not None:
            if target.key.expanduser().is_file():
                return Check(HERE, "ssh key", OK, str(target.key))
            return Check(
                HERE, "ssh key", BLOCKER, f"{target.key} is not there", "correct edgepaas.ssh.key"
            )
    if os.environ.get("SSH_AUTH_SOCK"):
        listed = local.run("ssh-add", "-l", ok=(0, 1, 2, 127))
        if listed.code == 0:
            return Check(HERE, "ssh key", OK, f"{len(listed.text.splitlines())} keys in the agent")
    kept = sorted(path.name for path in Path.home().glob(".ssh/id_*") if path.suffix != ".pub")
    if kept:
        return Check(HERE, "ssh key", OK, f"~/.ssh: {', '.join(kept)}")
    return Check(
        HERE,
        "ssh key",
        WARNING,
        "no agent, and no key in ~/.ssh",
        "ssh-add a key, or set edgepaas.ssh.key",
    )


def variables(service: Service) -> tuple[Check, Resolution | None]:
    try:
        found = environment.collect(service.settings, ())
    except SettingsError as error:
        return Check(HERE, "variables", BLOCKER, str(error), "correct invoke.yaml"), None
    if found.problems:
        said = "; ".join(str(problem) for problem in found.problems)
        return Check(
            HERE, "variables", BLOCKER, said, f"inv env.check --env {service.settings.environment}"
        ), None
    return Check(HERE, "variables", OK, f"{len(found.values)} as declared"), found


def architecture(states: Mapping[str, State]) -> Check:
    """Whether what is built here runs there."""
    form = "{{.Server.Arch}}"
    ours = local.run("docker", "version", "--format", form, ok=(0, 1, 127)).text
    theirs = {systems.ARCHITECTURES.get(s.facts.arch, s.facts.arch) for s in states.values()}
    if not ours or not theirs:
        return Check(HERE, "platform", UNKNOWN, "no engine here, or no host")
    foreign = theirs - {ours}
    if not foreign:
        return Check(HERE, "platform", OK, f"{ours}, as the hosts")
    there = ", ".join(sorted(foreign))
    if local.run("docker", "buildx", "version", ok=(0, 1, 125, 127)).code == 0:
        found = f"{ours} here, {there} there: built with buildx, slowly"
        return Check(HERE, "platform", WARNING, found, "build on a runner of that architecture")
    return Check(
        HERE,
        "platform",
        BLOCKER,
        f"{ours} here, {there} there, and no buildx to build for it",
        "build on a machine of that architecture, or install docker-buildx",
    )


def built(service: Service) -> image.Image | None:
    """The app's newest image on this machine: what a deploy would send is about as large."""
    words = ("docker", "images", "-q", "--no-trunc", service.settings.image_name)
    found = local.run(*words, ok=(0, 1, 127)).text.split()
    try:
        return image.find(found[0]) if found else None
    except Refused:
        return None
