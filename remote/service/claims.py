"""What the other services of a host have for themselves: ports and names, as their sites say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..command import script
from ..layout import Layout
from ..question import Question, question
from .nginx import Site


@dataclass
class Claim:
    """Of one service: the ports of its slots, the port that nginx listens on for it, and its host names.

    `default`: its site answers for every name that no other site has.
    """

    slots: list[int] = field(default_factory=list)
    listen: int = 0
    names: list[str] = field(default_factory=list)
    default: bool = False


def query(layout: Layout) -> Question[dict[str, Claim]]:
    """The claims of all other services, by their names."""
    return question(script("claims", layout.service).called("list the other services"), parse)


def parse(text: str) -> dict[str, Claim]:
    """Lines that are no claim are passed over."""
    found: dict[str, Claim] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or words[1] not in ("slot", "listen", "names"):
            continue
        service, kind, *words = words
        claim = found.setdefault(service, Claim())
        if kind == "names":
            claim.names = [one for one in words if one != "_"]
        elif words[0].isdecimal() and len(words[0]) <= 5:
            if kind == "slot":
                claim.slots.append(int(words[0]))
            else:
                claim.listen, claim.default = int(words[0]), "default_server" in words
    return found


@dataclass(frozen=True)
class Conflict:
    """`found` in words; `service` has it, and `setting` says what is wanted."""

    found: str
    service: str
    setting: str


def conflicts(site: Site, others: Mapping[str, Claim]) -> Iterator[Conflict]:
    """What this site wants and another service of the host has."""
    for service, claim in sorted(others.items()):
        for slot, port in (("blue", site.blue), ("green", site.green)):
            if port in claim.slots or port == claim.listen:
                yield Conflict(f"port {port} ({slot})", service, f"slots.{slot}")
        if site.listen in claim.slots:
            yield Conflict(f"port {site.listen}", service, "nginx.listen")
        if site.listen != claim.listen:
            continue
        if names := sorted(set(site.server_name.split()) & set(claim.names)):
            found = f"{', '.join(names)} on port {site.listen}"
            yield Conflict(found, service, "nginx.server_name")
        if site.server_name == "_" and claim.default:
            found = f"every other name on port {site.listen}"
            yield Conflict(found, service, "nginx.server_name")
