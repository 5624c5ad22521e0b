"""A service's place on a host, and everything that one look at it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..command import Command, script
from ..layout import Layout
from ..machine import docker, facts
from ..machine import volume as volumes
from ..question import Question, together
from ..result import Result
from . import claims, databases, releases, slots
from .databases import Database


@dataclass(frozen=True)
class State:
    """A host and one service on it, as they were at the same moment.

    `images` has what every image of the host is, by its id; `others` what other services of the host claim.
    """

    facts: facts.Facts
    live: slots.Live
    containers: Mapping[str, slots.Container]
    history: tuple[releases.Entry, ...]
    releases: Mapping[int, releases.Release]
    images: Mapping[str, docker.Content] = field(default_factory=dict)
    volume: volumes.Seen | None = None
    runtimes: frozenset[str] = frozenset()
    databases: Mapping[int, Database] = field(default_factory=dict)
    others: Mapping[str, claims.Claim] = field(default_factory=dict)

    @property
    def next_release(self) -> int:
        """A number that was never used here, not even by a release that failed."""
        seen = [0, self.live.release, *self.releases, *(entry.release for entry in self.history)]
        return max(seen) + 1

    @property
    def live_container(self) -> slots.Container | None:
        return self.containers.get(self.live.slot)


def prepare(layout: Layout) -> Command:
    """Makes the service's directories; prints a line for each."""
    return script("directories", layout.base).as_root().called("make the directories")


def query(layout: Layout, volume: volumes.Volume | None = None) -> Question[State]:
    """Everything that one look at a service's place tells."""
    looks: tuple[Question[Any], ...] = (
        facts.query(),
        slots.live(layout),
        slots.containers(layout, docker_may_be_down=True),
        releases.history(layout),
        releases.kept(layout),
        releases.runtimes(layout),
        databases.query(layout),
        claims.query(layout),
        docker.images(),
        *((volumes.query(volume),) if volume is not None else ()),
    )

    asked = together(looks)

    def parse(results: Sequence[Result]) -> State:
        machine, live, containers, history, kept, runtimes, decided, others, images, *seen = (
            asked.parse(results)
        )
        return State(
            facts=machine,
            live=live,
            containers=containers,
            history=history,
            releases=kept,
            images=images,
            runtimes=runtimes,
            databases=decided,
            others=others,
            volume=seen[0] if seen else None,
        )

    return Question(asked.commands, parse)
