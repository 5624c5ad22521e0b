"""The ledger of a service on a host: what was released, when, by whom, with what result."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .. import record as records
from ..command import Command, Stdin, argv, script
from ..layout import Layout
from ..question import Question, question

LARGEST = 512 * 1024  # bytes of a journal that are read: its end
SHOWN = 500  # entries
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

GOOD = "good"
FAILED = "failed"


@dataclass(frozen=True)
class Entry:
    """One line of the journal. `seconds`: how long the deploy took; `at`: the controller's clock (epoch).

    `schema` is the database's revision afterwards, where it was asked for it.
    """

    release: int
    version: str
    image: str
    action: str
    result: str
    at: int
    by: str = ""
    commit: str = ""
    environment: str = ""
    seconds: float = 0.0
    reason: str = ""
    schema: str = ""

    def line(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True)
class Release:
    """What a release directory says of itself: enough to deploy it again."""

    number: int
    version: str
    image: str
    reference: str
    variables: tuple[str, ...]
    environment: str = ""
    commit: str = ""
    created: int = 0
    runtime: str = ""
    certificate: str = ""
    database: str = ""  # the mode that was wished for

    @property
    def mounted(self) -> tuple[str, ...]:
        """The files of `Layout.runtime` that its container needs."""
        return tuple(file for file in (self.runtime, self.certificate) if file)

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def parse_history(text: str) -> tuple[Entry, ...]:
    """The journal's last entries; a line that was cut short by a crash, or edited, is passed over."""
    found = (records.parse(Entry, line) for line in text.splitlines()[-SHOWN:])
    return tuple(entry for entry in found if entry)


def parse_release(text: str) -> Release | None:
    """None for what is no release of ours: also where a file's name would lead elsewhere."""
    found = records.parse(Release, text)
    return found if found and all(map(_FILE.fullmatch, found.mounted)) else None


def history(layout: Layout) -> Question[tuple[Entry, ...]]:
    """The journal's last entries, oldest first; none where there is no journal yet."""
    command = argv("tail", "-c", str(LARGEST), layout.history).as_root().allow(1)
    return question(command.called("read the journal"), parse_history)


def kept(layout: Layout) -> Question[dict[int, Release]]:
    """The releases whose files are on the host, by number."""
    # One JSON document a line.
    command = script("releases", layout.base).as_root().called("read the releases")
    return question(command, parse_releases)


def parse_releases(text: str) -> dict[int, Release]:
    found = [parse_release(line) for line in text.splitlines() if line.strip()]
    return {release.number: release for release in found if release}


def stage(layout: Layout, release: Release, environment: Stdin) -> tuple[Command, Command]:
    """Its directory with the environment (0600) and what it is; written again when it is already there."""
    folder = layout.release(release.number)
    return (
        script("put", f"{folder}/.env", "600", stdin=environment)
        .as_root()
        .called("write the environment"),
        script("put", f"{folder}/release.json", "600", stdin=release.text().encode())
        .as_root()
        .called("write the release"),
    )


def stage_runtime(layout: Layout, file: str, content: bytes) -> Command:
    """A file that is mounted in the container: readable by whatever user the image runs as."""
    command = script("put", layout.runtime(file), "644", stdin=content)
    return command.as_root().called(f"write {file}")


def runtimes(layout: Layout) -> Question[frozenset[str]]:
    """The names of those files that a host has."""
    command = argv("ls", layout.runtime("")).as_root().allow(1, 2).called("list what is mounted")
    return question(command, lambda text: frozenset(text.split()))


def environment(layout: Layout, number: int) -> Question[str]:
    """The text of a release's canonical file, which is secret; empty where there is none."""
    command = argv("cat", f"{layout.release(number)}/.env").as_root().allow(1)
    return question(command.called("read the release's environment"), str)


def record(layout: Layout, entry: Entry) -> Command:
    command = script("record", layout.history, stdin=entry.line().encode(), uses=("journal",))
    return command.as_root().called(f"record release {entry.release}: {entry.result}")


def previous(entries: Sequence[Entry], live: int) -> Entry | None:
    """The last good release before the live one: what a rollback goes back to.

    Going back twice goes back two releases, not to and fro: releases that were left by a rollback do not count.
    """
    stack: list[Entry] = []
    for entry in entries:
        if entry.result != GOOD:
            continue
        numbers = [one.release for one in stack]
        if entry.release in numbers:
            del stack[numbers.index(entry.release) :]
        stack.append(entry)
    before = [entry for entry in stack if entry.release != live]
    if stack and stack[-1].release != live:
        # Live without a line in the journal: a deploy that was killed between its flip and its record.
        before = [entry for entry in stack if entry.release < live]
    return before[-1] if before else None


def good(entries: Sequence[Entry]) -> frozenset[int]:
    """The releases that it was once decided to keep."""
    return frozenset(entry.release for entry in entries if entry.result == GOOD)


def last_good(entries: Sequence[Entry]) -> Entry | None:
    """The release that it was decided to keep, as far as this host knows."""
    return next((entry for entry in reversed(entries) if entry.result == GOOD), None)


def decided(histories: Sequence[Sequence[Entry]]) -> Entry | None:
    """The newest decision that any host has on record. It was taken for all of them: each had baked the release."""
    last = [(entry, history) for history in histories if (entry := last_good(history))]
    for entry, history in last:
        known = {(one.release, one.at) for one in history}
        if all((other.release, other.at) in known for other, _ in last):
            return entry
    # No journal knows all of them: a host was replaced, or put in order apart from the others.
    return max((entry for entry, _ in last), key=lambda entry: entry.at, default=None)


def prune(
    layout: Layout,
    releases: dict[int, Release],
    entries: Sequence[Entry],
    live: int,
    keep: int,
    spared: str = "",
) -> Command | None:
    """Removes what is not among the last `keep` good releases: directories, and images that only those used.

    Never the live release nor the one that a rollback would go to, nor the image `spared`. None when nothing is left to
    remove.
    """
    back = previous(entries, live)
    good = list(dict.fromkeys(e.release for e in reversed(entries) if e.result == GOOD))
    # The newest one stays whatever became of it: when it failed, somebody wants to look at it.
    kept = {*good[:keep], live, max(releases, default=0)} | ({back.release} if back else set())
    used = {spared, *(releases[number].image for number in kept if number in releases)}
    gone = [releases[number] for number in sorted(releases) if number not in kept]
    words = [f"release:{release.number}" for release in gone]
    for release in gone:
        if release.image not in used:
            words += [f"image:{release.reference}", f"image:{release.image}"]
    needed = {file for number in kept if number in releases for file in releases[number].mounted}
    words += [f"runtime:{file}" for one in gone for file in one.mounted if file not in needed]
    if not words:
        return None
    unique = list(dict.fromkeys(words))
    command = script("prune", layout.base, *unique, uses=("named",))
    return command.as_root().within(300).called("prune old releases")
