"""Pinned host keys, as OpenSSH keeps them: hashed names, patterns, several keys for a name, and @revoked ones.

https://man.openbsd.org/sshd.8#SSH_KNOWN_HOSTS_FILE_FORMAT
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

REVOKED, AUTHORITY = "@revoked", "@cert-authority"
TYPES = re.compile(r"ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)")
_PUBLIC = re.compile(rf"({TYPES.pattern})\s+(AAAA[0-9A-Za-z+/]+={{0,2}})")
_FINGERPRINT = re.compile(r"SHA256:[0-9A-Za-z+/]{43}")
_SECTION = re.compile(
    r"-----BEGIN SSH HOST KEY (KEYS|FINGERPRINTS)-----(.*?)-----END SSH HOST KEY \1-----", re.S
)


@dataclass(frozen=True)
class Key:
    """A public host key."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest())
        return f"SHA256:{digest.decode().rstrip('=')}"

    def __str__(self) -> str:
        return f"{self.type} {self.fingerprint}"

    @property
    def line(self) -> str:
        """As a .pub file has it, without a comment."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True)
class Pin:
    """One line of a known_hosts file. With a marker (@revoked, @cert-authority) it vouches for no key."""

    names: str
    key: Key
    marker: str = ""
    path: Path | None = None
    number: int = 0

    @property
    def place(self) -> str:
        return f"{self.path}:{self.number}"

    def covers(self, name: str) -> bool:
        if self.names.startswith("|1|"):
            return _hashes_to(self.names, name)
        patterns = self.names.lower().split(",")
        if any(one[:1] == "!" and fnmatch.fnmatchcase(name, _literal(one[1:])) for one in patterns):
            return False
        return any(fnmatch.fnmatchcase(name, _literal(one)) for one in patterns)


def known_name(host: str, port: int) -> str:
    """The name under which known_hosts files keep a key."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


@dataclass(frozen=True)
class Known:
    """What the lines say about a name. A revoked key is not trusted, even if another line names it."""

    trusted: Sequence[Pin]
    revoked: Sequence[Pin]
    authorities: Sequence[Pin]


def parse(text: str, path: Path | None = None) -> list[Pin]:
    """The lines of a known_hosts file; keys that we cannot verify are left out."""
    pins = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):
            continue
        key = public_key(" ".join(words[1:3]))
        if key is not None:
            pins.append(Pin(words[0], key, marker, path, number))
    return pins


def read(paths: Iterable[Path]) -> list[Pin]:
    """The lines of those files that are there. Raises OSError for one that is and cannot be read."""
    texts = [(path.read_text("utf-8", "replace"), path) for path in paths if path.is_file()]
    return [pin for text, path in texts for pin in parse(text, path)]


def known(pins: Iterable[Pin], name: str) -> Known:
    found = [pin for pin in pins if pin.covers(name)]
    revoked = [pin for pin in found if pin.marker == REVOKED]
    out = {pin.key for pin in revoked}
    return Known(
        [pin for pin in found if not pin.marker and pin.key not in out],
        revoked,
        [pin for pin in found if pin.marker == AUTHORITY],
    )


def public_key(text: str) -> Key | None:
    """The first public key in a text, None when there is none."""
    return next(iter(public_keys(text)), None)


def public_keys(text: str) -> list[Key]:
    """Every public key in a text, once."""
    found: dict[Key, None] = {}
    for kind, encoded in _PUBLIC.findall(text):
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue  # a line that was cut
        # The type stands in the blob as well: a length, then the name.
        if blob[4 : 4 + len(kind)] == kind.encode() and blob[:4] == len(kind).to_bytes(4, "big"):
            found[Key(kind, blob)] = None
    return list(found)


def announced(console: str) -> tuple[list[Key], list[str]]:
    """Host keys and fingerprints that cloud-init writes to the console at an instance's first boot.

    Those of the last announcement count: an instance made anew from a snapshot announces other ones than before.
    """
    sections = {kind: text for kind, text in _SECTION.findall(console)}
    return public_keys(sections.get("KEYS", "")), _FINGERPRINT.findall(
        sections.get("FINGERPRINTS", "")
    )


def pin(path: Path, name: str, keys: Sequence[Key], revoked: Sequence[Key] = ()) -> None:
    """Makes `keys` the only ones that a file pins for a name, and `revoked` never. Written whole; its mode stays."""
    path = path.expanduser()
    path = path.resolve() if path.is_symlink() else path
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    lines = [one for line in kept if (one := _without(line, name)) is not None]
    lines += [f"{name} {key.line}" for key in keys]
    lines += [f"{REVOKED} {name} {key.line}" for key in revoked]
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    temporary.replace(path)


def outlasts(found: Pin, path: Path, name: str) -> bool:
    """Whether a line still vouches for its key after `pin` has replaced the keys of a name in a file."""
    return found.path != path or replace(found, names=_others(found.names, name)).covers(name)


def _without(line: str, name: str) -> str | None:
    """A line that no longer pins a key for `name`, None when nothing is left; marked lines stay."""
    found = parse(line)
    if not found or found[0].marker or not found[0].covers(name):
        return line
    first, rest = line.split(maxsplit=1)
    others = _others(first, name)
    return f"{others} {rest}" if others else None


def _others(names: str, name: str) -> str:
    """The names of a line without one. A pattern that covers it is about other hosts too, and stays."""
    if names.startswith("|1|"):
        return ""
    return ",".join(one for one in names.split(",") if one.lower() != name)


def _hashes_to(names: str, name: str) -> bool:
    _, _, salt, digest = (names.split("|") + ["", "", ""])[:4]
    try:
        made = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(made, base64.b64decode(digest))
    except binascii.Error:
        return False


def _literal(pattern: str) -> str:
    """fnmatch without its brackets: those of [host]:port stand for themselves."""
    return pattern.replace("[", "[[]")
