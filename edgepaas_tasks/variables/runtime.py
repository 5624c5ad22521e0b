"""What runs first in the app's container, as one file for the hosts: the package `env`, named by what is in it."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from importlib.resources import files


@dataclass(frozen=True)
class Runtime:
    """`content` is a zip file that any Python from 3.9 runs; `file` is its name on the hosts, that of its sources."""

    file: str
    content: bytes = field(repr=False)


@functools.cache
def build() -> Runtime:
    sources = {
        one.name: one.read_bytes() for one in files("env").iterdir() if one.name.endswith(".py")
    }
    # Python runs a zip file's own __main__, which is the package's.
    parts = {f"env/{name}": text for name, text in sources.items() if name != "__main__.py"}
    parts["__main__.py"] = sources["__main__.py"]
    digest = hashlib.sha256()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts):
            digest.update(f"{name} {len(parts[name])}\n".encode() + parts[name])
            # No time of day in it, and readable by everybody.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, parts[name], zipfile.ZIP_DEFLATED)
    return Runtime(f"{digest.hexdigest()[:16]}.pyz", whole.getvalue())
