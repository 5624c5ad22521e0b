"""What was released on each host: its journal, held against what is live and what is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.remote.service import releases, slots
from edgepaas_tasks.remote.service.releases import Entry
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.service.service import Service


@dataclass(frozen=True)
class Ledger:
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


def read(service: Service, hosts: Sequence[Host]) -> list[Ledger]:
    """One round trip a host; a host that does not answer is part of the answer."""
    layout = service.layout
    commands = (slots.read_live(layout), releases.history(layout), releases.read_all(layout))

    def ask(host: Host) -> Ledger:
        live, history, kept = host.read(*commands)
        entries = releases.parse_history(history.stdout)
        there = releases.good(entries).intersection(releases.parse_releases(kept.stdout))
        return Ledger(host.name, entries, slots.parse_live(live.text), there)

    answers, errors = attempt(hosts, ask)
    return [
        answers.get(host.name) or Ledger(host.name, error=str(errors[host.name])) for host in hosts
    ]


def as_json(service: Service, found: Sequence[Ledger]) -> Mapping[str, Any]:
    return {
        "service": service.settings.service,
        "environment": service.settings.environment,
        "hosts": [
            {
                "host": one.host,
                "live": {"slot": one.live.slot, "release": one.live.release},
                "kept": sorted(one.kept),
                "releases": [asdict(entry) for entry in one.entries],
                "error": one.error,
            }
            for one in found
        ],
    }


def text(found: Sequence[Ledger], last: int = 20) -> str:
    """The last entries of each journal; hosts that are alike together."""
    together: dict[Ledger, list[str]] = {}
    for one in found:
        together.setdefault(replace(one, host=""), []).append(one.host)
    lines = []
    for one, names in together.items():
        lines.append(
            one.error or f"{', '.join(names)}:" + ("" if one.entries else " no release yet")
        )
        for index in range(max(0, len(one.entries) - last), len(one.entries)):
            lines += _line(one.entries[index], one.mark(index))
    return "\n".join(lines)


def _line(entry: Entry, mark: str) -> list[str]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at))
    parts = [
        f"  {mark:<4} {entry.release:>4}  {entry.result:<6}  {entry.action:<8}  {when}",
        f"{entry.seconds:5.0f} s  {entry.version}  by {entry.by}",
        f"image {entry.image.removeprefix('sha256:')[:12]}",
        *([f"commit {entry.commit[:12]}"] if entry.commit else []),
        *([f"schema {entry.schema}"] if entry.schema else []),
        *([f"variables {entry.environment[:12]}"] if entry.environment else []),
    ]
    reason = [f"{'':14}{entry.reason}"] if entry.reason else []
    return ["  ".join(parts), *reason]
