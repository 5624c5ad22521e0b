"""A service's place on a host, and everything that one look at it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..command import Command, script
from ..layout import Layout
from ..machine import docker, facts
from ..machine import volume as volumes
from ..result import Result
from . import databases, releases, slots
from .databases import Database


@dataclass(frozen=True)
class State:
    """A host and one service on it, as they were at the same moment.

    `images` has what every image of the host is, by its id.
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


def look(layout: Layout, volume: volumes.Volume | None = None) -> tuple[Command, ...]:
    """The commands of one look, for `parse`."""
    return (
        *((volumes.look(volume),) if volume is not None else ()),
        facts.probe().as_root(),
        slots.read_live(layout),
        slots.containers(layout).allow(127, 1),
        releases.history(layout),
        releases.read_all(layout),
        releases.runtimes(layout),
        databases.read(layout),
        docker.images(),
    )


def parse(results: Sequence[Result]) -> State:
    *volume, probe, live, containers, history, found, runtimes, decided, images = results
    return State(
        facts=facts.parse(probe.stdout),
        live=slots.parse_live(live.text),
        containers=slots.parse_containers(containers.stdout if containers.code == 0 else ""),
        history=releases.parse_history(history.stdout),
        releases=releases.parse_releases(found.stdout),
        images=docker.parse_images(images.stdout),
        runtimes=releases.parse_runtimes(runtimes.stdout),
        databases=databases.parse(decided.stdout),
        volume=volumes.parse(volume[0].stdout) if volume else None,
    )
