"""The hosts of an environment, from the settings or from the lab, as `remote.Host` objects not yet connected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgepaas_tasks.boundary import Refused
from edgepaas_tasks.settings import Settings
from remote.connection import Target
from remote.host import Host
from remote.ssh import SSHTransport


def targets(settings: Settings) -> list[Target]:
    """Where the hosts are. Raises Refused when the environment has none."""
    found = _from_lab(settings) if settings.lab is not None else _from_settings(settings)
    if not found:
        raise Refused(
            f"environment {settings.environment} has no hosts: set hosts: [{{address: …}}] in invoke.yaml"
        )
    return found


def connect(
    settings: Settings, *, dry_run: bool, observe: Callable[[str, str], None] | None
) -> list[Host]:
    return [
        Host(SSHTransport(target), dry_run=dry_run, observe=observe) for target in targets(settings)
    ]


def _from_settings(settings: Settings) -> list[Target]:
    ssh = settings.ssh
    return [
        Target(
            name=entry.name or entry.address,
            address=entry.address,
            port=entry.port,
            user=entry.user or ssh.user,
            key=Path(ssh.key) if ssh.key else None,
            known_hosts=Path(ssh.known_hosts) if ssh.known_hosts else None,
            connect_timeout=ssh.timeout,
        )
        for entry in settings.hosts
    ]


def _from_lab(settings: Settings) -> list[Target]:
    from edgepaas_tasks.lab import state

    assert settings.lab is not None
    folder = Path(settings.lab.folder)
    found = state.load(folder)
    if found is None or not found.hosts:
        raise Refused("the lab is not up: inv lab.up")
    return [
        Target(
            name=host.name,
            address=host.address,
            port=host.port,
            user=host.user,
            key=Path(host.key),
            known_hosts=Path(host.known_hosts),
            connect_timeout=settings.ssh.timeout,
        )
        for host in found.hosts
    ]


def addresses(settings: Settings) -> list[str]:
    """The public addresses of the service, as far as the settings know them."""
    if settings.lab is not None:
        from edgepaas_tasks.lab import state

        found = state.load(Path(settings.lab.folder))
        return [f"http://127.0.0.1:{host.http}" for host in found.hosts] if found else []
    port = "" if settings.nginx.listen == 80 else f":{settings.nginx.listen}"
    names = [name for name in settings.nginx.server_name.split() if name != "_" and "*" not in name]
    return [f"http://{name}{port}" for name in names or [host.address for host in settings.hosts]]
