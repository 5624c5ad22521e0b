"""Vital signs: how the public path and each slot answer at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..command import argv
from ..layout import SLOTS
from ..question import Question
from .nginx import RELEASE_HEADER, Site

# curl's: nothing listens, too slow, nothing came back, the connection broke. Answers too, as status 0.
SILENT = (7, 28, 52, 56)


@dataclass(frozen=True)
class Answer:
    """`status` 0 means that nothing came back, `release` 0 that nginx named none. `seconds` is the time it took."""

    status: int = 0
    seconds: float = 0.0
    release: int = 0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Vitals:
    public: Answer
    slots: Mapping[str, Answer]


def query(site: Site, path: str) -> Question[Vitals]:
    """How each slot and the public path answer `path`: one call of curl, whose start takes longer than an answer."""
    ports = {"blue": site.blue, "green": site.green}
    # Not curl's header_json: that needs 7.83, and Amazon Linux 2 has an older one.
    words = [
        *("-D", "-", "-H", f"Host: {site.probe_name}"),
        *_request("public", f"http://127.0.0.1:{site.listen}{path}"),
    ]
    for slot in SLOTS:
        words += ["--next", *_request(slot, f"http://127.0.0.1:{ports[slot]}{path}")]
    command = argv("curl", *words).allow(*SILENT).called("ask for vital signs")
    # What was answered counts, also where one of the requests was not.
    return Question((command,), lambda results: parse(results[0].stdout))


def _request(name: str, url: str) -> tuple[str, ...]:
    told = f"= {name} %{{http_code}} %{{time_total}}\\n"  # no header looks like that
    return ("-g", "-s", "-o", "/dev/null", "--max-time", "5", "-w", told, url)


def parse(text: str) -> Vitals:
    release, answers = 0, {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.lower() == RELEASE_HEADER.lower() and value.strip().isdigit():
            release = int(value)
        elif line.startswith("= "):
            _, asked, status, seconds = line.split()
            # Some locales' curl writes a comma.
            answers[asked] = Answer(int(status), float(seconds.replace(",", ".")))
    public = answers.pop("public", Answer())
    slots = {slot: answers.get(slot, Answer()) for slot in SLOTS}
    return Vitals(Answer(public.status, public.seconds, release), slots)
