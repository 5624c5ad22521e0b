"""A bare host made ready: packages, volume, engine, directories, nginx. A second run changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.remote.background import in_background
from edgepaas_tasks.remote.command import Command
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import SLOTS
from edgepaas_tasks.remote.machine import engine, facts, systems, volume
from edgepaas_tasks.remote.machine.facts import Facts
from edgepaas_tasks.remote.machine.systems import System
from edgepaas_tasks.remote.machine.volume import Seen
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import nginx, slots
from edgepaas_tasks.remote.service import state as state
from edgepaas_tasks.remote.service.slots import Container, Live
from edgepaas_tasks.service import ports
from edgepaas_tasks.service.service import Service

_SPOKEN = {"reloaded": "nginx reloaded with a new site", "started": "nginx started"}


@dataclass(frozen=True)
class Found:
    """A host before it is changed: what it is, its row of the table, its daemon.json, its volume, what serves there."""

    host: str
    facts: Facts
    row: System
    daemon: str
    volume: Seen | None
    live: Live
    containers: Mapping[str, Container]


Part = Callable[[Service, Found], tuple[Command, ...]]


def tools(service: Service, found: Found) -> tuple[Command, ...]:
    filesystem = service.volume.filesystem if service.volume else ""
    needed = (*found.row.tools, *(("mkfs.xfs:xfsprogs",) if filesystem == "xfs" else ()))
    return (systems.install(found.row, *needed, called="install tools"),)


def data_volume(service: Service, found: Found) -> tuple[Command, ...]:
    if service.volume is None or found.volume is None:
        return ()
    return (volume.setup(service.volume, found.volume, found.host),)


def docker(service: Service, found: Found) -> tuple[Command, ...]:
    """Its configuration first: the packages of some systems start the engine at once."""
    return (
        *engine.configure(service.engine, found.host, found.daemon, found.facts),
        *engine.install(service.engine, found.row, found.facts),
        engine.run(service.engine, tuple(service.port(slot) for slot in SLOTS)),
    )


def directories(service: Service, found: Found) -> tuple[Command, ...]:
    return (state.prepare(service.layout),)


def proxy(service: Service, found: Found) -> tuple[Command, ...]:
    return (
        *systems.enable_extras(found.row),
        systems.install(found.row, *found.row.proxy, called="install nginx"),
        nginx.disable_default(),
        *site(service, found),
    )


def site(service: Service, found: Found) -> tuple[Command, ...]:
    ports.require(service, found.host, found.live, found.containers)
    return (nginx.allow(service.layout), nginx.configure(service.site))


# The volume comes before the engine, so that nothing has to be moved later.
EVERYTHING: tuple[Part, ...] = (tools, data_volume, docker, directories, proxy)


def setup(
    service: Service, hosts: Sequence[Host], progress: Progress, parts: Sequence[Part] = EVERYTHING
) -> Mapping[str, tuple[str, ...]]:
    """What was changed on each host, a line each; empty when it was ready already."""
    in_background(
        lambda: nginx.configure(service.site)
    )  # the template is compiled while hosts answer
    with progress.phase("look") as phase:
        seen = on_each(hosts, lambda host: look(service, host))
        phase.outcome = ", ".join(
            sorted({one.facts.os_name or one.facts.os for one in seen.values()})
        )
        # All plans are made before the first host is touched: a refusal leaves every host as it was.
        plans = {
            name: tuple(command for part in parts for command in part(service, one))
            for name, one in seen.items()
        }
        for name, one in seen.items():
            if one.row.warning:
                progress.step(name, one.row.warning)

    def ready(host: Host) -> tuple[str, ...]:
        results = host.change(*plans[host.name])
        lines = [line for result in results for line in result.text.splitlines()]
        return tuple(_SPOKEN.get(line, line) for line in lines if line != "same")

    with progress.phase("make ready") as phase:
        changed = on_each(hosts, ready)
        count = sum(len(lines) for lines in changed.values())
        phase.outcome = f"{count} changes" if count else "nothing to change"
    return changed


def look(service: Service, host: Host) -> Found:
    """One round trip. Raises Unsupported for a system without a row."""
    layout = service.layout
    machine, daemon, live, containers, *seen = host.ask(
        facts.query(),
        engine.configuration(),
        slots.live(layout),
        slots.containers(layout, docker_may_be_down=True),
        *([volume.query(service.volume)] if service.volume is not None else []),
    )
    return Found(
        host=host.name,
        facts=machine,
        row=systems.system(machine, host.name),
        daemon=daemon,
        volume=seen[0] if seen else None,
        live=live,
        containers=containers,
    )
