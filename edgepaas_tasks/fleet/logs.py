"""What the app has written, on every host, without the secrets of the releases that wrote it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgepaas_tasks.console import ci, output
from edgepaas_tasks.console.task import redactor
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import other
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.question import together
from edgepaas_tasks.remote.service import logs as inside
from edgepaas_tasks.remote.service import releases, slots
from edgepaas_tasks.remote.service.slots import Container
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import environment

WHICH = ("live", "previous", "both")
_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+")
_DAYS = re.compile(r"([0-9]+)d")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
    r"|[0-9]{9,}"
)


@dataclass(frozen=True)
class Line:
    """`time` as Docker writes it: it sorts as text."""

    time: str
    host: str
    slot: str
    text: str


def since_of(text: str) -> str:
    """--since as docker takes it. Raises SettingsError."""
    if days := _DAYS.fullmatch(text):
        return f"{int(days[1]) * 24}h"
    if not text or _DURATION.fullmatch(text) or _MOMENT.fullmatch(text):
        return text
    raise SettingsError(f"--since {text!r}: expected 90s, 10m, 2h, 3d or 2026-01-31T12:00:00Z")


def read(service: Service, hosts: Sequence[Host], which: str, lines: str, since: str) -> list[Line]:
    """The last `lines` of each container, in the order of time over all hosts."""
    command = inside.logs(service.layout, which=which, lines=lines, since=since, follow=False)

    def one(host: Host) -> list[Line]:
        learn(service, host, which)
        (result,) = host.read(command)
        return [line for text in result.stdout.splitlines() if (line := _line(host.name, text))]

    found = on_each(hosts, one)
    return sorted((line for each in found.values() for line in each), key=lambda one: one.time)


def follow(service: Service, hosts: Sequence[Host], which: str, lines: str, since: str) -> None:
    """Follow the logs until interrupted, or until every container has ended. Each host's observer gets its lines."""
    command = inside.logs(service.layout, which=which, lines=lines, since=since, follow=True)

    def one(host: Host) -> None:
        learn(service, host, which)
        host.stream(inside.alive(), command)

    on_each(hosts, one)


def learn(service: Service, host: Host, which: str = "live") -> Container | None:
    """Teach the redactor the secrets of the containers that `which` names; the live container, if there is one."""
    live, containers = host.ask(slots.live(service.layout), slots.containers(service.layout))
    named = {"live": (live.slot,), "previous": (other(live.slot),)}
    wanted = [
        containers[slot] for slot in named.get(which, tuple(containers)) if slot in containers
    ]
    texts = together(releases.environment(service.layout, one.release) for one in wanted)
    for text in host.ask(texts) if wanted else ():
        environment.learn(service.settings, text)
    return containers.get(live.slot)


class Printer:
    """Prints lines, with the host in front where there are several, and the slot where both are asked for."""

    def __init__(self, *, hosts: bool, slots: bool) -> None:
        self._hosts = hosts
        self._slots = slots

    def follow(self, host: str, text: str) -> None:
        """One line as a host told it."""
        if line := _line(host, text):
            self._put(line, output.follow)

    def show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if not self._put(line, output.put):
                return

    def _put(self, line: Line, put: Callable[[str], bool]) -> bool:
        where = [line.host] * self._hosts + [line.slot] * self._slots
        mark = f"{' '.join(where)} | " if where else ""
        return put(ci.as_written(redactor()(f"{mark}{line.text}"), sys.stdout))


def _line(host: str, text: str) -> Line | None:
    slot, _, rest = text.partition(" ")
    time, _, said = rest.partition(" ")
    return Line(time, host, slot, said) if time else None
