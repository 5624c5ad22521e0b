"""Which of a cloud's instances are the hosts that are meant: those that run, as many as expected, with addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import RemoteError

SHOWN = 20  # instances in an error


@dataclass(frozen=True)
class Instance:
    """What EC2 says of one. `name` is the tag Name, `dns` the public name; empty where it has none."""

    id: str
    name: str = ""
    state: str = ""
    zone: str = ""
    public: str = ""
    private: str = ""
    dns: str = ""

    def __str__(self) -> str:
        where = ", ".join(
            f"{kind} {text}"
            for kind, text in (("public", self.public), ("private", self.private))
            if text
        )
        return f"{self.id}  {self.name or '(no name)'}  {self.state}  {where or 'no address'}"


@dataclass(frozen=True)
class Query:
    """Which instances are meant. `tags` all hold; `address` is the kind by which they are reached."""

    tags: tuple[tuple[str, str], ...]
    expect: int = 1
    address: str = "public"

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.tags)


class NotThose(RemoteError):
    """What was found is not what is expected."""


def choose(found: Sequence[Instance], query: Query, where: str) -> list[tuple[Instance, str]]:
    """The running ones, each with its address. `where` is who was asked, for the error.

    Raises NotThose, with all that was found, unless exactly the expected number runs and each has an address.
    """
    running = [one for one in found if one.state == "running"]
    if len(running) != query.expect:
        count = f"{len(running)} running instance{'' if len(running) == 1 else 's'}"
        then = "start them, or correct edgepaas.ec2.tags, region or profile"
        if len(running) > query.expect:
            then = f"narrow edgepaas.ec2.tags, or set edgepaas.ec2.expect: {len(running)}"
        elif running:
            then = f"{then}, or set edgepaas.ec2.expect: {len(running)}"
        raise _error(found, query, where, f"{count} with {query}, expected {query.expect}", then)
    chosen = [(one, address(one, query.address)) for one in running]
    without = [one.id for one, text in chosen if not text]
    if without:
        kind = "public DNS name" if query.address == "dns" else f"{query.address} address"
        then = f"give it one, or set edgepaas.ec2.address to another than {query.address}"
        problem = f"{', '.join(without)} with {query} has no {kind}"
        raise _error(found, query, where, problem, then)
    return chosen


def address(one: Instance, kind: str) -> str:
    """`id` is for proxy commands that reach an instance by it."""
    kinds = {"public": one.public, "private": one.private, "dns": one.dns, "id": one.id}
    return kinds[kind]


def _error(
    found: Sequence[Instance], query: Query, where: str, problem: str, then: str
) -> NotThose:
    lines = [str(one) for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more")
    tried = f"instances with {query}, in {where}"
    got = "\n".join(lines) or "none, in any state"
    return NotThose("AWS ec2", problem, tried=tried, got=got, next_step=then)
