"""Pinning host keys: what a host shows, held against evidence that did not come from the host's own connection.

Never on first use alone. Everything is judged before the first key is written. A changed key is pinned only with
--allow-replace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.errors import HostKeyChanged, RemoteError
from edgepaas_tasks.remote.ssh import connection, hostkeys, verification
from edgepaas_tasks.remote.ssh.hostkeys import Key, Pin
from edgepaas_tasks.remote.target import Target
from edgepaas_tasks.service import inventory
from edgepaas_tasks.settings import Settings

WAYS = "--from KNOWN_HOSTS, --console (EC2), or --fingerprint SHA256:… as its own console shows it"


@dataclass(frozen=True)
class Evidence:
    """What is known of a host's keys. `source` in a few words."""

    source: str
    keys: Sequence[Key] = ()
    fingerprints: Sequence[str] = ()
    lacks: str = "no key of this host"

    def vouches_for(self, key: Key) -> bool:
        return key in self.keys or key.fingerprint in self.fingerprints

    def __str__(self) -> str:
        named = [str(key) for key in self.keys]
        held = {key.fingerprint for key in self.keys}
        named += [one for one in self.fingerprints if one not in held]
        return ", ".join(named) or self.lacks


@dataclass(frozen=True)
class Pinned:
    """What came of one host: the keys to pin, none where they are pinned already.

    `stale` lines go on naming a key that was replaced, since they are about other hosts too, or in another file.
    """

    target: Target
    name: str
    path: Path
    keys: Sequence[Key] = ()
    source: str = ""
    kept: Sequence[Key] = field(default=())
    stale: Sequence[Pin] = field(default=())


def pinned(settings: Settings) -> list[dict[str, Any]]:
    """The environment's hosts and those on the way to them, each with its pinned keys; no host is asked."""
    found = []
    for role, targets in (
        ("jump", inventory.jumps(settings)),
        ("host", inventory.targets(settings)),
    ):
        for target in targets:
            prepared = connection.prepare(target)
            name = verification.pinned_name(prepared)
            pins = hostkeys.read(verification.known_hosts(prepared, target))
            found.append(
                {
                    "name": target.name,
                    "role": role,
                    "address": prepared.host,
                    "port": prepared.port,
                    "user": prepared.user,
                    "instance": target.instance,
                    "pinned": [str(pin.key) for pin in hostkeys.known(pins, name).trusted],
                }
            )
    return found


def from_file(path: Path) -> Callable[[Target], Evidence]:
    """A known_hosts file that somebody trustworthy gave."""
    path = path.expanduser()
    try:
        pins = hostkeys.parse(path.read_text("utf-8", "replace"), path)
    except OSError as error:
        raise Refused(f"--from {path}: {error.strerror}") from None

    def of(target: Target) -> Evidence:
        name = verification.pinned_name(connection.prepare(target))
        known = hostkeys.known(pins, name)
        keys = [pin.key for pin in known.trusted]
        source = f"{path} ({name})"
        if known.authorities:
            place = f"an authority for its certificates (line {known.authorities[0].number})"
            return Evidence(source, keys, lacks=f"{place}, which are not understood")
        return Evidence(source, keys)

    return of


def from_console(read: Callable[[Target], str]) -> Callable[[Target], Evidence]:
    """What cloud-init announced at the instance's first boot, as EC2 itself recorded it."""

    def of(target: Target) -> Evidence:
        text = read(target)
        keys, fingerprints = hostkeys.announced(text)
        if not keys and not fingerprints:
            what = "names no host keys" if text.strip() else "is still empty"
            raise RemoteError(
                target.name,
                f"the console output of {target.instance or target.address} {what}",
                got=f"{len(text.splitlines())} lines",
                next_step="it comes some minutes after boot, and only the newest 64 KB are kept: "
                "wait, or use --from or --fingerprint",
            )
        source = f"the console of {target.instance or target.address}"
        return Evidence(source, keys, fingerprints)

    return of


def from_fingerprints(given: Sequence[str]) -> Callable[[Target], Evidence]:
    """Fingerprints that the operator read where the host cannot be imitated."""
    return lambda target: Evidence("--fingerprint", fingerprints=tuple(given))


def judge(
    target: Target,
    evidence: Callable[[Target], Evidence] | None,
    ask: Callable[[Target, Sequence[Key]], bool] | None,
    *,
    replace: bool,
) -> Pinned:
    """What is to be pinned for a host. Raises Refused or RemoteError, and then nothing is.

    Without evidence it is what `ask` says of the keys that the host shows, and without either it is refused.
    """
    prepared = connection.prepare(target)
    name = verification.pinned_name(prepared)
    files = verification.known_hosts(prepared, target)
    path, pinned = files[0], hostkeys.known(hostkeys.read(files), name)
    before = [pin.key for pin in pinned.trusted]
    revoked = {pin.key: pin.place for pin in pinned.revoked}
    given = evidence(target) if evidence is not None else None
    shown = connection.shown_keys(target)
    listed = ", ".join(map(str, shown))
    for key in shown:
        if key in revoked:
            raise HostKeyChanged(
                target.name,
                "the host shows a key that is revoked; nothing was pinned",
                tried=f"ssh to {target}",
                got=f"{key}, revoked in {revoked[key]}",
                next_step="find out why: somebody may be in between. If the key is right, remove that line",
            )
    known = [key for key in shown if key in before]
    if given is None and known:
        return Pinned(target, name, path, kept=known)
    if before and not known and not replace:
        raise HostKeyChanged(
            target.name,
            "the host shows another key than the pinned one; nothing was pinned",
            tried=f"ssh to {target}",
            got=f"{listed}, pinned is {', '.join(map(str, before))}",
            next_step="find out why: somebody may be in between. If the host was rebuilt: "
            f"the same with --allow-replace and {WAYS}",
        )
    if given is None:
        if replace or ask is None:
            raise Refused(
                f"{target.name}: {'--allow-replace needs evidence' if replace else 'nothing vouches for its key'}",
                got=f"it shows {listed}",
                next_step=WAYS,
            )
        if not ask(target, shown):
            raise Refused(f"{target.name}: its key was not accepted; nothing was pinned")
        return Pinned(target, name, path, shown, "your word")
    vouched = [key for key in shown if given.vouches_for(key)]
    if not vouched:
        raise HostKeyChanged(
            target.name,
            f"the host shows no key that {given.source} names; nothing was pinned",
            tried=f"ssh to {target}",
            got=f"it shows {listed}\n{given.source}: {given}",
            next_step="find out why: somebody may be in between, or the evidence is of another host",
        )
    # Those that were pinned and are still shown stay; the others are of a host that is no more.
    keys = list(dict.fromkeys([*known, *vouched]))
    gone = [pin for pin in pinned.trusted if replace and pin.key not in keys]
    if all(key in before for key in vouched) and not gone:
        return Pinned(target, name, path, kept=vouched)
    stale = [pin for pin in gone if hostkeys.outlasts(pin, path, name)]
    return Pinned(target, name, path, keys, given.source, stale=stale)


def trust(
    targets: Sequence[Target],
    evidence: Callable[[Target], Evidence] | None,
    ask: Callable[[Target, Sequence[Key]], bool] | None,
    *,
    replace: bool,
) -> list[Pinned]:
    """Pins the keys of all hosts, or of none."""
    found = [judge(target, evidence, ask, replace=replace) for target in targets]
    for one in found:
        if one.keys:
            try:
                revoked = dict.fromkeys(pin.key for pin in one.stale)
                hostkeys.pin(one.path, one.name, one.keys, list(revoked))
            except OSError as error:
                raise Refused(f"{one.path}: {error.strerror}") from None
    return found
