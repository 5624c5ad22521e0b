"""The hosts of an environment, from the settings, from AWS by tags or from the lab, as objects not yet connected."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.remote.cloud.aws import Account
from edgepaas_tasks.remote.cloud.instances import Instance, Query
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.remote.target import Target, hops
from edgepaas_tasks.settings import Settings


def targets(settings: Settings) -> list[Target]:
    """Where the hosts are. AWS is asked once. Raises Refused when the environment has none, and what AWS says."""
    if settings.lab is not None:
        found = _from_lab(settings)
    elif settings.ec2 is not None:
        found = _from_ec2(settings)
    else:
        found = _from_settings(settings)
    if not found:
        raise Refused(
            f"environment {settings.environment} has no hosts: set hosts: [{{address: …}}] or "
            "ec2: {tags: {…}} in invoke.yaml"
        )
    if problem := settings.shared_rows(len(found)):
        raise SettingsError(problem)
    return found


def connect(
    settings: Settings, *, dry_run: bool, observe: Callable[[str, str], None] | None
) -> list[Host]:
    return [
        Host(SSHTransport(target), dry_run=dry_run, observe=observe) for target in targets(settings)
    ]


def jumps(settings: Settings) -> list[Target]:
    """The hosts on the way to the environment's hosts, the nearest first, each reached over those before it."""
    way = settings.ssh.jump.split(",") if settings.ssh.jump else []
    return [
        Target(
            name=hop.address,
            address=hop.address,
            port=hop.port,
            user=hop.user,
            **{**_login(settings), "jump": ",".join(way[:n])},
        )
        for n, hop in enumerate(hops(settings.ssh.jump))
    ]


def account(settings: Settings) -> Account:
    """Whom to ask about the environment's instances."""
    ec2, aws = settings.ec2, settings.aws
    return Account(
        (ec2.region if ec2 else "") or aws.region, (ec2.profile if ec2 else "") or aws.profile
    )


def instances(settings: Settings) -> list[tuple[Instance, str]]:
    """The environment's instances, each with its address. Raises SettingsError where it has none by tags."""
    if settings.ec2 is None:
        raise SettingsError(
            f"{settings.environment} has no ec2 inventory: set edgepaas.ec2: {{tags: {{…}}}}"
        )
    ec2 = settings.ec2
    query = Query(tuple(sorted(ec2.tags.items())), ec2.expect, ec2.address)
    return list(_looked_up(account(settings), query))


def addresses(settings: Settings) -> list[str]:
    """The public addresses of the service, as far as the settings know them."""
    if settings.lab is not None:
        from edgepaas_tasks.lab import state

        found = state.load(Path(settings.lab.folder))
        return [f"http://127.0.0.1:{host.http}" for host in found.hosts] if found else []
    port = "" if settings.nginx.listen == 80 else f":{settings.nginx.listen}"
    names = [name for name in settings.nginx.server_name.split() if name != "_" and "*" not in name]
    if settings.ec2 is not None and not names:
        names = [one.public or one.private for one, _ in instances(settings)]
    return [f"http://{name}{port}" for name in names or [host.address for host in settings.hosts]]


def forget() -> None:
    """The next look asks AWS anew."""
    _looked_up.cache_clear()


@functools.cache
def _looked_up(account: Account, query: Query) -> tuple[tuple[Instance, str], ...]:
    from edgepaas_tasks.remote.cloud import aws
    from edgepaas_tasks.remote.cloud.instances import choose

    where = f"{aws.region(account)}{f', profile {account.profile}' if account.profile else ''}"
    return tuple(choose(aws.instances(account, query.tags), query, where))


def _from_ec2(settings: Settings) -> list[Target]:
    assert settings.ec2 is not None
    found = instances(settings)
    names = [one.name for one, _ in found]
    login = _login(settings)
    return [
        Target(
            name=one.name if one.name and names.count(one.name) == 1 else one.id,
            address=address,
            port=settings.ec2.port,
            instance=one.id,
            user=settings.ec2.user or settings.ssh.user,
            **login,
        )
        for one, address in found
    ]


def _from_settings(settings: Settings) -> list[Target]:
    login = _login(settings)
    return [
        Target(
            name=entry.name or entry.address,
            address=entry.address,
            port=entry.port,
            user=entry.user or settings.ssh.user,
            **login,
        )
        for entry in settings.hosts
    ]


def _login(settings: Settings) -> dict[str, Any]:
    ssh = settings.ssh
    return {
        "default_user": ssh.user,
        "key": Path(ssh.key) if ssh.key else None,
        "known_hosts": Path(ssh.known_hosts) if ssh.known_hosts else None,
        "connect_timeout": ssh.timeout,
        "jump": ssh.jump,
        "proxy_command": ssh.proxy_command,
    }


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
