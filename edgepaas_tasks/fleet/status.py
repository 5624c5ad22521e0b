"""What is live where: the flag, the containers and the journal of every host, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.database.mode import Mode
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.remote.service import maintenance, releases, vitals
from edgepaas_tasks.remote.service import state as host_state
from edgepaas_tasks.remote.service.releases import Entry
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.remote.service.vitals import Answer, Vitals
from edgepaas_tasks.service.service import Service


@dataclass(frozen=True)
class HostStatus:
    """One host. `error` is set when it could not be asked; then nothing else is. `since` in epoch seconds.

    `maintenance` is since when the maintenance page is up, 0 when it is not.
    """

    host: str
    slot: str = ""
    release: int = 0
    version: str = ""
    image: str = ""
    since: int = 0
    healthy: bool = False
    health_status: int = 0
    health_seconds: float = 0.0
    public_status: int = 0
    public_release: int = 0
    maintenance: int = 0
    drift: tuple[str, ...] = ()
    error: str = ""
    database: Mode = Mode()
    containers: tuple[dict[str, Any], ...] = field(default=())

    @property
    def good(self) -> bool:
        return self.healthy and not self.drift and not self.error


def status(service: Service, hosts: Sequence[Host]) -> list[HostStatus]:
    """Ask all hosts, one round trip each; a host that does not answer is part of the answer."""
    path = service.health_path
    questions = (
        host_state.query(service.layout),
        vitals.query(service.site, path),
        maintenance.since(service.layout),
    )
    answers, errors = attempt(hosts, lambda host: host.ask(*questions))
    wanted = releases.decided([state.history for state, *_ in answers.values()])
    return [
        judge(host.name, *answers[host.name], wanted)
        if host.name in answers
        else HostStatus(host.name, error=str(errors[host.name]))
        for host in hosts
    ]


def look(service: Service, host: Host) -> State:
    """One host as it is, in one round trip."""
    return host.ask(host_state.query(service.layout))


def judge(
    host: str, state: State, vitals: Vitals, closed: int = 0, wanted: Entry | None = None
) -> HostStatus:
    """What one look means. The flag is the truth; the others are held against it, and it against what was decided.

    `closed` is since when the maintenance page is up (epoch seconds), 0 when it is not.
    """
    live, container = state.live, state.live_container
    answer = vitals.slots.get(live.slot, Answer())
    entries = [entry for entry in state.history if entry.release == live.release]
    known = state.releases.get(live.release)
    return HostStatus(
        host=host,
        slot=live.slot,
        release=live.release,
        version=container.version if container else known.version if known else "",
        image=container.image if container else known.image if known else "",
        since=entries[-1].at if entries else 0,
        healthy=answer.ok and vitals.public.ok and vitals.public.release == live.release,
        health_status=answer.status,
        health_seconds=answer.seconds,
        public_status=vitals.public.status,
        public_release=vitals.public.release,
        maintenance=closed,
        drift=tuple(_drift(state, vitals, wanted)),
        database=modes.live(state),
        containers=tuple(
            {
                "name": one.name,
                "slot": one.slot,
                "release": one.release,
                "version": one.version,
                "status": one.status,
                "restarts": one.restarts,
            }
            for one in state.containers.values()
        ),
    )


def _drift(state: State, vitals: Vitals, wanted: Entry | None) -> list[str]:
    live, container = state.live, state.live_container
    if not live.slot:
        return []
    found = []
    if container is None:
        found.append(f"the flag says {live.slot}, but there is no such container")
    elif not container.running:
        found.append(f"the live container is {container.status} (exit code {container.exit_code})")
    elif container.release != live.release:
        found.append(f"the flag says release {live.release}, its container is {container.release}")
    if vitals.public.status and vitals.public.release != live.release:
        found.append(f"nginx answers with release {vitals.public.release}, not {live.release}")
    good = [entry.release for entry in state.history if entry.result == "good"]
    if good and good[-1] != live.release:
        found.append(f"the journal's last good release is {good[-1]}: a deploy did not finish")
    elif wanted is not None and live.release != wanted.release:
        found.append(
            f"it serves release {live.release}, all hosts were to serve {wanted.release}: "
            "the next deploy or rollback puts them on one"
        )
    return found
