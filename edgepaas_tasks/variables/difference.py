"""What a release of the present variables would change against what is live, without showing a secret."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.env.values.schema import Schema
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import releases, slots
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import environment

# They differ with every release and say nothing of what was set.
OWN = ("EDGEPAAS_RELEASE", "EDGEPAAS_VERSION")


@dataclass(frozen=True)
class Change:
    """One variable. `before` and `after` are values; of a secret, fingerprints that hold within one answer."""

    name: str
    kind: str  # added, removed or changed
    before: str = ""
    after: str = ""
    secret: bool = False


def difference(
    service: Service, hosts: Sequence[Host], values: Resolution
) -> Mapping[str, list[Change]]:
    """The changes by host. Raises Refused where nothing is live."""

    def look(host: Host) -> Live:
        live = host.ask(slots.live(service.layout))
        if not live.slot:
            raise Refused(f"{host.name}: nothing is live yet, so there is nothing to compare with")
        return live

    return from_live(service, hosts, values, on_each(hosts, look))


def from_live(
    service: Service, hosts: Sequence[Host], values: Resolution, before: Mapping[str, Live]
) -> Mapping[str, list[Change]]:
    """The changes by host against what is live there; all is new where nothing is. Raises Refused."""
    composed = environment.compose(service.settings, values, 0, "")
    wanted = canonical.parse(composed.text.text())
    declared = environment.schema(service.settings)
    key = secrets.token_bytes(16)

    def compare(host: Host) -> list[Change]:
        live = before[host.name]
        if not live.slot:
            return changes({}, wanted, declared, key)
        kept = host.ask(releases.environment(service.layout, live.release))
        environment.learn(service.settings, kept)
        try:
            there = canonical.parse(kept)
        except ValueError:
            raise Refused(
                f"{host.name}: the environment of release {live.release} was edited by hand"
            ) from None
        return changes(there, wanted, declared, key)

    return on_each(hosts, compare)


def changes(
    before: Mapping[str, str], after: Mapping[str, str], declared: Schema, key: bytes
) -> list[Change]:
    """From one set of values to another, by name."""
    found = []
    for name in sorted({*before, *after} - set(OWN)):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        kind = "added" if old is None else "removed" if new is None else "changed"
        variable = declared.get(name)
        # What is not declared any more may have been a secret; a URL may hold a password.
        hidden = (
            variable.secret
            if variable
            else not (name.startswith("EDGEPAAS_") or name in environment.OWN)
        )
        before_, after_ = (
            "" if text is None else _mark(key, name, text) if hidden else text
            for text in (old, new)
        )
        found.append(Change(name, kind, before_, after_, hidden))
    return found


def _mark(key: bytes, name: str, text: str) -> str:
    """Of a key that is thrown away: a short secret could be guessed from a lasting fingerprint."""
    data = f"{name}={text}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(data, key=key, digest_size=4).hexdigest()
