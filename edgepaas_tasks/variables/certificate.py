"""The root certificate that the app's database is checked against: a file of this machine, sent to the hosts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.settings import Settings


@dataclass(frozen=True)
class Certificate:
    """`file` is its name on the hosts: the same content has the same name."""

    file: str
    content: bytes


def wanted(settings: Settings) -> Certificate | None:
    """The database's root certificate, None if none is set. Raises SettingsError if it is not a readable PEM file."""
    path = settings.database.root_certificate
    if not path:
        return None
    try:
        content = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(
            f"edgepaas.database.root_certificate: {path} cannot be read: {error.strerror}"
        ) from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise SettingsError(f"edgepaas.database.root_certificate: {path} is no PEM certificate")
    return Certificate(f"{hashlib.sha256(content).hexdigest()[:16]}.crt", content)
