"""What can be found out once a deploy has failed: what every host serves now, and what is in the slot that failed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from edgepaas_tasks.fleet import status as statuses
from edgepaas_tasks.fleet.status import HostStatus
from edgepaas_tasks.release import failure, gates
from edgepaas_tasks.release.gates import Evidence, GateFailed, Unfinished
from edgepaas_tasks.remote.errors import (
    ConnectionLost,
    DeadlineExceeded,
    HostErrors,
    HostKeyChanged,
    HostKeyUnknown,
    LeaseHeld,
    RemoteError,
    Unreachable,
)
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import environment

LOST = (Unreachable, ConnectionLost, DeadlineExceeded, HostKeyChanged, HostKeyUnknown)


@dataclass(frozen=True)
class Findings:
    """`gates` are those that failed, `serving` what each host says of itself, `evidence` what failed there.

    `live` is the release where it is only what comes after the flip that failed.
    """

    gates: tuple[GateFailed, ...] = ()
    serving: tuple[HostStatus, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    live: Release | None = None

    @property
    def release(self) -> int:
        """The release that failed, 0 where it had no number yet."""
        return self._meant.number if self._meant else 0

    @property
    def version(self) -> str:
        """Its version, empty where it is not known from here."""
        return self._meant.version if self._meant else ""

    @property
    def _meant(self) -> Release | None:
        return self.gates[0].release if self.gates else self.live

    @property
    def flipped_back(self) -> bool:
        return any(gate.flipped_back for gate in self.gates)

    @property
    def cause(self) -> str:
        return self.evidence[0].found.cause if self.evidence else ""


def gather(service: Service, hosts: Sequence[Host], error: BaseException) -> Findings:
    """Asks the hosts, if any was asked before. Never raises: what a host does not tell is missing."""
    if isinstance(error, Unfinished):
        return replace(gather(service, hosts, error.cause), live=error.release)
    closed = tuple(gates.failed(error))
    told = [gate.evidence for gate in closed if gate.evidence]
    if not isinstance(error, Exception) or not any(host.trace for host in hosts):
        return Findings(closed, evidence=tuple(told))
    if isinstance(error, LeaseHeld):
        return Findings(closed)
    serving = _serving(service, hosts, error)
    evidence = tuple(told + _flipped_back(service, hosts, closed, serving))
    return Findings(closed, tuple(serving), evidence)


def _serving(service: Service, hosts: Sequence[Host], error: Exception) -> list[HostStatus]:
    """One that was lost is not waited for again."""
    errors = {error.host: error} if isinstance(error, RemoteError) else {}
    if isinstance(error, HostErrors):
        errors = {name: one for name, one in error.errors.items() if isinstance(one, RemoteError)}
    lost = {name: one for name, one in errors.items() if isinstance(one, LOST)}
    asked = statuses.status(service, [host for host in hosts if host.name not in lost])
    return [*asked, *(HostStatus(name, error=str(one)) for name, one in lost.items())]


def _flipped_back(
    service: Service,
    hosts: Sequence[Host],
    closed: Sequence[GateFailed],
    serving: Sequence[HostStatus],
) -> list[Evidence]:
    """What had traffic for a moment still runs in the slot that is not live; nobody has looked at it yet."""
    found: list[Evidence] = []
    for gate in closed:
        if not gate.flipped_back:
            continue
        for host in hosts:
            now = next(one for one in serving if one.host == host.name)
            for container in now.containers:
                if container["release"] != gate.release.number or container["slot"] == now.slot:
                    continue
                slot = container["slot"]
                with suppress(RemoteError):
                    environment.kept(host, service, gate.release)  # before its log is shown
                    seen = failure.diagnose(service, host, slot, stop=False)
                    found.append(Evidence(host.name, slot, seen))
    return found
