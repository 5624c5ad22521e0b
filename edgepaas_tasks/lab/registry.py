"""The lab's registry of images: TLS with an authority of its own, which its hosts trust, and a login."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.lab import hosts, images
from edgepaas_tasks.lab.state import LabHost, State
from edgepaas_tasks.remote import local

NAME = "registry.lab.test"
USER = "guestbook"
READY = 30.0  # seconds

_TRUST = f"/etc/docker/certs.d/{NAME}:5000"


@dataclass(frozen=True)
class Registry:
    """A running registry: `server` as hosts reach it, `push_server` as this machine does."""

    container: str
    server: str
    push_server: str
    user: str
    password: str

    def repositories(self) -> list[str]:
        """What is in it, read from its disk."""
        folder = "/var/lib/lab-registry/images/docker/registry/v2/repositories"
        words = ("find", folder, "-name", "_manifests", "-printf", "%P\n")
        found = local.run("docker", "exec", self.container, *words, ok=(0, 1)).text.split()
        return sorted(one.removesuffix("/_manifests") for one in found)

    def log(self) -> str:
        """Its access log."""
        done = local.run("docker", "logs", self.container)
        return done.stdout + done.stderr


def serve(known: State) -> Registry:
    """The lab's registry, made when there is none, and trusted by every host of the lab."""
    name = f"{known.network}-registry"
    if local.run("docker", "start", name, ok=(0, 1)).code != 0:
        local.run(
            *("docker", "run", "-d", "--name", name, "--network", known.network),
            *("--label", f"{hosts.LABEL}={known.folder}", "--network-alias", NAME),
            *("-p", f"127.0.0.1:{known.registry_port}:5000"),
            *("-e", f"PASSWORD={known.registry_password}", images.registry()),
        )
    deadline = time.monotonic() + READY
    probe = ("openssl", "s_client", "-connect", "127.0.0.1:5000")
    while local.run("docker", "exec", name, *probe, ok=(0, 1)).code != 0:
        if time.monotonic() > deadline:
            raise LabError(f"{name} does not answer: {local.run('docker', 'logs', name).tail()}")
        time.sleep(0.1)
    return find(known)


def trust(known: State, host: LabHost) -> None:
    """The host's engine takes the registry's certificate for good, with no restart."""
    name = f"{known.network}-registry"
    authority = local.run("docker", "exec", name, "cat", "/var/lib/lab-registry/ca.crt").stdout
    text = 'mkdir -p "$1" && printf %s "$2" >"$1/ca.crt"'
    hosts.inside(host, "sh", "-c", text, "sh", _TRUST, authority)


def find(known: State) -> Registry:
    """The lab's registry as it is, running or not."""
    return Registry(
        f"{known.network}-registry",
        f"{NAME}:5000",
        f"127.0.0.1:{known.registry_port}",
        USER,
        known.registry_password,
    )


def settings(found: Registry) -> str:
    """The `image` settings that lead to it."""
    return json.dumps(
        {
            "transport": "registry",
            "server": found.server,
            "push_server": found.push_server,
            "username": found.user,
        }
    )
