"""A lab comes up, is looked at, and goes, leaving nothing behind."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.lab import engine, hosts, images, networks, state, volumes
from edgepaas_tasks.lab import postgres as databases
from edgepaas_tasks.lab import registry as registries
from edgepaas_tasks.lab.alone import alone
from edgepaas_tasks.lab.engine import Say
from edgepaas_tasks.lab.state import LabHost, State
from edgepaas_tasks.remote import local

MOST = 30  # hosts; each is a container of its own with an engine inside


@dataclass(frozen=True)
class Wanted:
    """What a lab should have. What it already has is kept.

    `system` is that of the hosts to make. `packages` brings a package server, that stands in for Docker's own, as hosts
    of the dnf family need anyway; hosts reach it as http://packages. `postgres` brings a database server, `registry` a
    registry of images.
    """

    hosts: int = 1
    system: str = "debian"
    packages: bool = False
    postgres: bool = False
    registry: bool = False

    def __post_init__(self) -> None:
        if self.hosts > MOST:
            raise LabError(f"--hosts {self.hosts}: at most {MOST}")
        if self.system not in images.SYSTEMS:
            raise LabError(f"--system {self.system}: expected one of {', '.join(images.SYSTEMS)}")


def up(folder: Path, wanted: Wanted, say: Say) -> State:
    """The lab, running. Hosts that run are left alone, stopped ones are started, missing ones made."""
    folder = folder.resolve()
    with alone("engine"):
        installed = engine.ensure(say)
    known = state.load(folder) or State(str(folder), f"edgepaas-lab-{_tag(folder)}")
    missing = range(len(known.hosts) + 1, wanted.hosts + 1)
    systems = {host.system for host in known.hosts} | ({wanted.system} if missing else set())
    known = replace(
        known,
        engine_installed=known.engine_installed or installed,
        packages=wanted.packages or known.packages or any(map(images.needs_packages, systems)),
        postgres=wanted.postgres or known.postgres,
        registry=wanted.registry or known.registry,
        registry_password=known.registry_password or secrets.token_hex(12),
        database_password=known.database_password or secrets.token_hex(12),
    )
    state.save(known, folder)
    known = _serve(known, folder, systems, say)
    for number in missing:
        known = known.with_host(_plan(folder, number, wanted.system))
    state.save(known, folder)
    for host in _bring_all(known, folder, say):
        known = known.with_host(host)
    if known.registry:
        for host in known.hosts:
            registries.trust(known, host)
    known = replace(known, hosts=tuple(sorted(known.hosts, key=lambda host: host.name)))
    state.save(known, folder)
    (folder / "known_hosts").write_text("".join(f"{host.pin}\n" for host in known.hosts))
    return known


def _serve(known: State, folder: Path, systems: set[str], say: Say) -> State:
    """The images of all that the lab has, its network, and what its hosts ask for."""
    for one in sorted(systems):
        images.ensure(
            one,
            say,
            with_packages=known.packages,
            with_postgres=known.postgres,
            with_registry=known.registry,
        )
    # A port is chosen when it is about to be used: what comes before may take minutes.
    known = replace(known, registry_port=known.registry_port or hosts.free_ports(1)[0])
    state.save(known, folder)
    networks.ensure(known)
    if known.packages:
        _serve_packages(known, f"{hosts.LABEL}={folder}")
    if known.postgres:
        databases.serve(known)
    if known.registry:
        registries.serve(known)
    return known


def _bring_all(known: State, folder: Path, say: Say) -> list[LabHost]:
    """The hosts that did not run, side by side. Raises what went wrong with one of them, when all have ended."""
    key = _key(folder)
    todo = [host for host in known.hosts if not hosts.running(host)]
    with ThreadPoolExecutor(max_workers=MOST) as pool:
        made = [pool.submit(_bring, one, folder, known.network, key, say) for one in todo]
    return [one.result() for one in made]


def down(folder: Path, say: Say, *, with_images: bool = False) -> None:
    """Removes containers, volumes, network, loop devices and files of this lab.

    Found by its label and its place, so that a folder which somebody has deleted leaves nothing behind either.
    """
    folder = folder.resolve()
    known = state.load(folder) if state.path(folder).exists() else None
    if engine.works():
        for name in _labelled(folder, "ps", "-a", "--format", "{{.Names}}"):
            hosts.remove(name)
            say(f"removed {name}")
        for name in _labelled(folder, "volume", "ls", "--format", "{{.Name}}"):
            local.run("docker", "volume", "rm", name, ok=(0, 1))
        for name in _labelled(folder, "network", "ls", "--format", "{{.Name}}"):
            local.run("docker", "network", "rm", name, ok=(0, 1))
    volumes.detach(folder)
    if known is not None:
        shutil.rmtree(folder)
        say(f"removed {folder}")
        if known.engine_installed:
            say("the Docker engine that lab.up installed stays, with its cached images")
    if with_images:
        for name in images.remove():
            say(f"removed image {name}")


def status(folder: Path) -> dict[str, Any]:
    """The lab as it is now, for people and for --json."""
    folder = folder.resolve()
    known = state.load(folder)
    works = known is not None and engine.works()
    return {
        "folder": str(folder),
        "engine": works,
        "database": databases.find(known).url if works and known and known.postgres else "",
        "registry": registries.settings(registries.find(known))
        if works and known and known.registry
        else "",
        "registry_password": known.registry_password if known and known.registry else "",
        "hosts": [
            {
                "name": host.name,
                "system": host.system,
                "running": works and hosts.running(host),
                "address": host.address,
                "port": host.port,
                "user": host.user,
                "http": host.http,
                "https": host.https,
                "key": host.key,
                "known_hosts": host.known_hosts,
                "volume": host.volume,
                "container": host.container,
            }
            for host in (known.hosts if known else ())
        ],
    }


def _bring(host: LabHost, folder: Path, network: str, public_key: str, say: Say) -> LabHost:
    host = replace(host, device=volumes.attach(Path(host.disk)))
    if hosts.exists(host):
        say(f"starting {host.name}")
        hosts.start(host)
    else:
        say(f"making {host.name}")
        hosts.create(host, folder, network, images.host(host.system))
    hosts.wait_for_system(host)
    hosts.name_volume(host)
    pin = hosts.admit(host, public_key)
    hosts.wait_for_login(host)
    return replace(host, pin=pin)


def _serve_packages(known: State, label: str) -> None:
    name = f"{known.network}-packages"
    if local.run("docker", "start", name, ok=(0, 1)).code != 0:
        local.run(
            *("docker", "run", "-d", "--name", name, "--label", label, "--network", known.network),
            *("--network-alias", "packages", images.packages()),
        )


def _plan(folder: Path, number: int, system: str) -> LabHost:
    name = f"edge{number}"
    ssh, http, https = hosts.free_ports(3)
    return LabHost(
        name=name,
        container=f"edgepaas-lab-{_tag(folder)}-{name}",
        port=ssh,
        http=http,
        https=https,
        key=str(folder / "id_ed25519"),
        known_hosts=str(folder / "known_hosts"),
        volume=f"vol-0{secrets.token_hex(8)}",
        disk=str(folder / f"{name}.disk"),
        system=system,
    )


def _key(folder: Path) -> str:
    key = folder / "id_ed25519"
    if not key.exists():
        local.run(
            "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "edgepaas-lab", "-f", str(key)
        )
    return key.with_suffix(".pub").read_text().strip()


def _labelled(folder: Path, *words: str) -> list[str]:
    return local.run("docker", *words, "--filter", f"label={hosts.LABEL}={folder}").text.split()


def _tag(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:8]
