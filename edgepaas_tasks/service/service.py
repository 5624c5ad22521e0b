"""One environment's service as the hosts need it described: settings turned into the values that `remote` takes."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgepaas_tasks import settings
from edgepaas_tasks.console import ci
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.machine import engine as engines
from edgepaas_tasks.remote.machine.volume import Volume
from edgepaas_tasks.remote.service.lease import Holder, machine
from edgepaas_tasks.remote.service.nginx import Site
from edgepaas_tasks.remote.service.slots import Spec
from edgepaas_tasks.remote.ssh.connection import preload
from edgepaas_tasks.service import inventory
from edgepaas_tasks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgepaas_tasks.remote.host import Host

_asked: set[str] = set()


@dataclass(frozen=True)
class Service:
    """An app in an environment: where it lies on a host, its public side, how its container runs."""

    settings: Settings
    layout: Layout
    site: Site
    spec: Spec
    engine: engines.Wanted
    volume: Volume | None

    def port(self, slot: str) -> int:
        return self.settings.slots.blue if slot == "blue" else self.settings.slots.green

    @property
    def health_path(self) -> str:
        return self.settings.health.path


def load_service(c: Any, environment: str | None) -> Service:
    """The service that a task is about. Two environments in one call are refused."""
    chosen = settings.load(c.config.get("edgepaas", {}), environment)
    _asked.add(chosen.environment)
    if len(_asked) > 1:
        raise Refused(
            f"two environments in one call ({', '.join(sorted(_asked))}): "
            "--env belongs to the task it follows, give it to each"
        )
    return describe(chosen)


def describe(chosen: Settings) -> Service:
    """Settings as the values that `remote` takes."""
    layout = Layout(chosen.service)
    return Service(
        settings=chosen,
        layout=layout,
        site=_site(chosen, layout),
        spec=_spec(chosen),
        engine=_engine(chosen),
        volume=_volume(chosen),
    )


@contextmanager
def connect(
    service: Service, *, dry_run: bool = False, observe: Callable[[str, str], None] | None = None
) -> Iterator[list[Host]]:
    """The service's hosts, not yet connected; connections stay warm for the next task of this process."""
    preload()
    found = inventory.connect(service.settings, dry_run=dry_run, observe=observe)
    try:
        yield found
    finally:
        for host in found:
            host.close()


def holder(command: str, commit: str, ttl: int) -> Holder:
    """Who takes a lease: shown to others who find it held."""
    return Holder(
        who=who(),
        machine=machine(),
        pid=os.getpid(),
        command=command,
        run_url=ci.detect().run_url,
        since=int(time.time()),
        commit=commit,
        ttl=ttl,
    )


def who() -> str:
    """Who asks, for the journal and the lease; a container's user often has no name."""
    try:
        return os.environ.get("GITHUB_ACTOR") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _site(chosen: Settings, layout: Layout) -> Site:
    return Site(
        layout=layout,
        app=chosen.app,
        blue=chosen.slots.blue,
        green=chosen.slots.green,
        listen=chosen.nginx.listen,
        server_name=chosen.nginx.server_name,
        max_body=chosen.nginx.max_body,
        read_timeout=chosen.nginx.read_timeout,
        allow=chosen.maintenance.allow,
        retry_after=chosen.maintenance.retry_after,
        buffer_requests=chosen.nginx.buffer_requests,
        trusted_proxies=chosen.nginx.trusted_proxies,
        header_buffer=int(chosen.nginx.header_buffer.removesuffix("k")),
        probe_host=chosen.health.host,
        probe_headers=tuple(sorted(chosen.health.headers.items())),
    )


def _engine(chosen: Settings) -> engines.Wanted:
    docker = chosen.docker
    origin = None
    if docker.repository is not None:
        origin = engines.Origin(**docker.repository.model_dump())
    elif docker.origin == "distribution":
        origin = engines.Origin()
    return engines.Wanted(origin, docker.version, docker.daemon, docker.group)


def _volume(chosen: Settings) -> Volume | None:
    return Volume(**chosen.volume.model_dump()) if chosen.volume is not None else None


def _spec(chosen: Settings) -> Spec:
    container = chosen.container
    return Spec(
        port=container.port,
        memory=container.memory,
        stop_timeout=container.stop_timeout,
        data=container.data,
        log_size=container.log_size,
        log_files=container.log_files,
        pids_limit=container.pids_limit,
        capabilities=container.capabilities,
        new_privileges=container.new_privileges,
        health_path=chosen.health.path,
        health_timeout=round(chosen.health.timeout),
    )
