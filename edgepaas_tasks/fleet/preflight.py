"""A doctor that only looks: this machine, every host, and what lies between them."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgepaas_tasks.console.boundary import Refused
from edgepaas_tasks.fleet import connectivity
from edgepaas_tasks.images import image
from edgepaas_tasks.images import version as versions
from edgepaas_tasks.settings import SettingsError
from edgepaas_tasks.targets import inventory
from edgepaas_tasks.targets.readiness import (
    BLOCKER,
    MB,
    MINIMUM_FREE,
    OK,
    UNKNOWN,
    WARNING,
    Check,
    checks,
)
from edgepaas_tasks.targets.service import Service
from edgepaas_tasks.variables import environment
from env.layers import Resolution
from remote import docker, lease, local, systems
from remote import service as at
from remote.errors import RemoteError
from remote.host import Host
from remote.parallel import attempt
from remote.service import State

HERE = local.HERE


def preflight(of: Service, hosts: Sequence[Host], *, now: float | None = None) -> list[Check]:
    """Every check of this machine and of each host; a host that does not answer is one of the answers."""
    with ThreadPoolExecutor(1) as aside:
        # This machine's own checks take as long as a host's, and neither waits for the other.
        variables = _variables(of)
        here = aside.submit(lambda: list(_here(of)))
        looks = (*at.look(of.layout, of.volume), lease.look(of.layout))
        answers, errors = attempt(hosts, lambda host: host.read(*looks))
        states = {name: at.parse(results[:-1]) for name, results in answers.items()}
        found = here.result()
    built = _built(of)
    found += [_platform(states), variables[0]]
    for host in hosts:
        if host.name in errors:
            found.append(_unreachable(host.name, errors[host.name]))
            continue
        state = states[host.name]
        found.append(Check(host.name, "ssh", OK, f"logged in as {_user(state)}, sudo works"))
        instant = time.time() if now is None else now
        found += checks(of, host.name, state, now=instant, need=_need(state, built))
        found.append(_lease(host.name, answers[host.name][-1].stdout))
        found += _names(of, host.name, state)
    found += connectivity.probe(of, hosts, states, variables[1])
    return found


def _here(of: Service) -> Iterator[Check]:
    runner = "a CI runner" if os.environ.get("CI") else "a developer's machine"
    system = {"Darwin": "macOS"}.get(platform.system(), platform.system())
    known = system in ("Linux", "macOS")
    yield Check(
        HERE,
        "system",
        OK if known else BLOCKER,
        f"{system} {platform.machine()}, {runner}",
        "" if known else "use Linux or macOS (on Windows: WSL)",
    )
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Check(HERE, "python", OK if good else BLOCKER, f"Python {version}", "use 3.11 or later")
    try:
        image.require_engine()
        engine = local.run("docker", "version", "--format", "{{.Server.Version}}").text
        yield Check(HERE, "docker", OK, f"engine {engine}")
    except Refused as error:
        yield Check(
            HERE, "docker", BLOCKER, str(error).splitlines()[0], "start Docker on this machine"
        )
    yield _git(of)
    yield _key(of)


def _git(of: Service) -> Check:
    context = Path(of.settings.build.context)
    try:
        version = versions.settle(of.settings.build, "")
    except SettingsError as error:
        return Check(HERE, "git", WARNING, str(error).splitlines()[0], "give --version to deploy")
    words = ("git", "-C", str(context), "rev-parse", "--is-shallow-repository")
    if local.run(*words, ok=(0, 127, 128)).text == "true":
        found = f"version {version.text}, from a shallow clone: ancestry can not be told"
        return Check(HERE, "git", WARNING, found, "fetch-depth: 0 in the workflow")
    return Check(HERE, "git", OK, f"version {version.text}")


def _key(of: Service) -> Check:
    """Whether there is anything to log in with; which key a host takes, only the host can tell."""
    for target in inventory.targets(of.settings):
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


def _variables(of: Service) -> tuple[Check, Resolution | None]:
    try:
        found = environment.collect(of.settings, ())
    except SettingsError as error:
        return Check(HERE, "variables", BLOCKER, str(error), "correct invoke.yaml"), None
    if found.problems:
        said = "; ".join(str(problem) for problem in found.problems)
        return Check(HERE, "variables", BLOCKER, said, "inv env.check --env NAME"), None
    return Check(HERE, "variables", OK, f"{len(found.values)} as declared"), found


def _platform(states: Mapping[str, State]) -> Check:
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


def _unreachable(host: str, error: Exception) -> Check:
    if isinstance(error, RemoteError):
        said = f"{error.problem} ({error.got})" if error.got else error.problem
        return Check(host, "ssh", BLOCKER, said, error.next_step)
    return Check(host, "ssh", BLOCKER, str(error))


def _user(state: State) -> str:
    return state.facts.login or state.facts.user or "?"


def _built(of: Service) -> image.Image | None:
    """The app's newest image on this machine: what a deploy would send is about as large."""
    words = ("docker", "images", "-q", "--no-trunc", of.settings.image_name)
    found = local.run(*words, ok=(0, 1, 127)).text.split()
    try:
        return image.find(found[0]) if found else None
    except Refused:
        return None


def _need(state: State, built: image.Image | None) -> int:
    if built is None or built.id in state.images:
        return MINIMUM_FREE
    if docker.shared_layers(built.layers, state.images.values()):
        return MINIMUM_FREE
    # Once as sent, once unpacked.
    return 2 * built.size + 64 * MB


def _lease(host: str, text: str) -> Check:
    held = lease.parse(text)
    if held is None or (not held.left and held.state != lease.BUSY):
        return Check(host, "lease", OK, "free")
    if held.alive:
        next_step = "wait for it, or deploy with --wait SECONDS"
        return Check(host, "lease", BLOCKER, f"held by {held}", next_step)
    if held.orphaned:
        return Check(host, "lease", OK, f"left by {held.holder}, whose process has ended")
    return Check(host, "lease", WARNING, f"left by {held}", "a deploy waits for its end by itself")


def _names(of: Service, host: str, state: State) -> Iterator[Check]:
    """Whether the service's names lead to this host; they may lead to a balancer in front of it."""
    address = next(
        (one.address for one in inventory.targets(of.settings) if one.name == host), host
    )
    for name in of.site.names:
        theirs, ours = _resolved(name), {*state.facts.addresses, *_resolved(address)}
        if not theirs:
            yield Check(host, "dns", WARNING, f"{name} does not resolve", "set its DNS record")
        elif theirs & ours:
            yield Check(host, "dns", OK, f"{name} leads here")
        else:
            found = f"{name} leads to {', '.join(sorted(theirs))}, not to this host"
            yield Check(host, "dns", WARNING, found, "right if a load balancer is in front")


def _resolved(name: str) -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(name, None)}
    except OSError:
        return set()


def passed(found: Sequence[Check]) -> bool:
    return not any(check.verdict == BLOCKER for check in found)
