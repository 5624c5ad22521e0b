"""One command inside the live container."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from edgepaas_tasks.console import ci, output
from edgepaas_tasks.console.task import redactor
from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.fleet import logs
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service import logs as inside
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.settings import nearest


def choose(hosts: Sequence[Host], name: str) -> Host:
    """The host of that name, the first one when none is given. Raises SettingsError."""
    found = [host for host in hosts if not name or host.name == name]
    if not found:
        names = [host.name for host in hosts]
        raise SettingsError(
            f"--host {name}: no such host{nearest(name, names)} (known: {', '.join(names)})"
        )
    return found[0]


def run(service: Service, host: Host, text: str) -> int:
    """Run the command; returns its exit code. The host's observer gets each line of output: see `show`."""
    container = logs.learn(service, host)
    if container is None or not container.running:
        raise Refused(
            f"{host.name}: no live container runs there",
            next_step=f"inv status --env {service.settings.environment}",
        )
    (result,) = host.stream(inside.alive(), inside.execute(container.name, text))
    return result.code


def show(_: str, line: str) -> None:
    """One line of the command, on the stream that it was written to, without secrets; whole if it is the host's own."""
    stream = sys.stdout if line.startswith("1") else sys.stderr
    text = line[1:] if line.startswith(("1", "2")) else line
    output.follow(ci.as_written(redactor()(text), stream), stream)
