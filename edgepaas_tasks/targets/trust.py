"""Pinning host keys: what a host shows, held against evidence that did not come from the host's own connection.

Never on first use alone. Everything is judged before the first key is written, and a changed key only with --replace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgepaas_tasks.console.boundary import Refused
from remote import connection, hostkeys, verification
from remote.errors import HostKeyChanged, RemoteError
from remote.hostkeys import Key
from remote.target import Target

WAYS = "--from KNOWN_HOSTS, --console (EC2), or --fingerprint SHA256:… as its own console shows it"


@dataclass(frozen=True)
class Evidence:
    """What is known of a host's keys. `source` in a few words."""

    source: str
    keys: Sequence[Key] = ()
    fingerprints: Sequence[str] = ()

    def vouches_for(self, key: Key) -> bool:
        return key in self.keys or key.fingerprint in self.fingerprints

    def __str__(self) -> str:
        named = [str(key) for key in self.keys]
        held = {key.fingerprint for key in self.keys}
        named += [one for one in self.fingerprints if one not in held]
        return ", ".join(named) or "no key of this host"


@dataclass(frozen=True)
class Pinned:
    """What came of one host: the keys to pin, none where they are pinned already."""

    target: Target
    name: str
    path: Path
    keys: Sequence[Key] = ()
    source: str = ""
    kept: Sequence[Key] = field(default=())


def from_file(path: Path) -> Callable[[Target], Evidence]:
    """A known_hosts file that somebody trustworthy gave."""
    try:
        pins = hostkeys.parse(path.expanduser().read_text("utf-8", "replace"))
    except OSError as error:
        raise Refused(f"--from {path}: {error.strerror}") from None

    def of(target: Target) -> Evidence:
        name = verification.pinned_name(connection.prepare(target))
        keys = [one.key for one in pins if not one.revoked and one.covers(name)]
        return Evidence(f"{path} ({name})", keys)

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
    """Fingerprints that the operator read where the host can not be imitated."""
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
    path = verification.known_hosts(prepared, target)[0]
    pins = hostkeys.read(verification.known_hosts(prepared, target))
    before = [pin.key for pin in pins if pin.covers(name) and not pin.revoked]
    revoked = [pin.key for pin in pins if pin.covers(name) and pin.revoked]
    given = evidence(target) if evidence is not None else None
    shown = connection.shown_keys(target)
    listed = ", ".join(map(str, shown))
    if any(key in revoked for key in shown):
        raise HostKeyChanged(target.name, "the host shows a key that is revoked", got=listed)
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
            f"the same with --replace and {WAYS}",
        )
    if given is None:
        if replace or ask is None:
            raise Refused(
                f"{target.name}: {'--replace needs evidence' if replace else 'nothing vouches for its key'}\n"
                f"  got:   it shows {listed}\n  next:  {WAYS}"
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
    if all(key in before for key in vouched):
        return Pinned(target, name, path, kept=vouched)
    # Those that were pinned and are still shown stay; the others are of a host that is no more.
    return Pinned(target, name, path, list(dict.fromkeys([*known, *vouched])), given.source)


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
                hostkeys.pin(one.path, one.name, one.keys)
            except OSError as error:
                raise Refused(f"{one.path}: {error.strerror}") from None
    return found


def lines(found: Sequence[Pinned]) -> Iterator[str]:
    for one in found:
        if one.keys:
            yield f"{one.target.name}: pinned as {one.name} in {one.path}, by {one.source}"
            yield from (f"  {key}" for key in one.keys)
        else:
            kept = ", ".join(map(str, one.kept))
            yield f"{one.target.name}: pinned already, nothing changed ({kept})"
