"""What was released on each host: its journal, held against what is live and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.remote.service import releases, slots
from edgepaas_tasks.remote.service.releases import Entry
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.service.service import Service


@dataclass(frozen=True)
class Journal:
    """One host's journal, oldest first. `kept`: what a rollback can go back to. `error`: it gave no answer."""

    host: str
    entries: tuple[Entry, ...] = ()
    live: Live = Live()
    kept: frozenset[int] = frozenset()
    error: str = ""

    def mark(self, index: int) -> str:
        """What an entry's release is now: live, kept or nothing; of several for one release the last good counts."""
        entry = self.entries[index]
        later = self.entries[index + 1 :]
        if entry.result != releases.GOOD or any(
            one.release == entry.release and one.result == releases.GOOD for one in later
        ):
            return ""
        if entry.release == self.live.release:
            return "live"
        return "kept" if entry.release in self.kept else ""


def read(service: Service, hosts: Sequence[Host]) -> list[Journal]:
    """One round trip a host; a host that does not answer is part of the answer."""
    layout = service.layout
    questions = (slots.live(layout), releases.history(layout), releases.kept(layout))

    def ask(host: Host) -> Journal:
        live, entries, kept = host.ask(*questions)
        return Journal(host.name, entries, live, releases.good(entries).intersection(kept))

    answers, errors = attempt(hosts, ask)
    return [
        answers.get(host.name) or Journal(host.name, error=str(errors[host.name])) for host in hosts
    ]
