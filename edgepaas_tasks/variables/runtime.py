"""What runs first in the app's container, as one file for the hosts: `edgepaas_tasks.env`, named by its content."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable

# Python runs a zip file's own __main__; the package's keeps its relative imports.
_MAIN = b'import runpy\n\nrunpy.run_module("edgepaas_tasks.env", run_name="__main__")\n'
# Apps written for version 0.1 import `env.health`. The runtime puts this folder on the path where no other `env` is.
_FORMER = {
    "former/env/__init__.py": b"from edgepaas_tasks.env import health as health\n",
    "former/env/health.py": b"from edgepaas_tasks.env.health import *  # noqa: F403\n",
}


@dataclass(frozen=True)
class Runtime:
    """`content` is a zip file that any Python from 3.9 runs; `file` is its name on the hosts, a hash of its sources."""

    file: str
    content: bytes = field(repr=False)


@functools.cache
def build() -> Runtime:
    """Zip the package `env` under its public name. The same sources give the same bytes."""
    parts = dict(_modules(files("edgepaas_tasks.env"), "edgepaas_tasks/env/"))
    parts |= {"__main__.py": _MAIN, "edgepaas_tasks/__init__.py": b"", **_FORMER}
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


def _modules(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.name.endswith(".py"):
            yield prefix + item.name, item.read_bytes()
        elif item.is_dir() and item.name != "__pycache__":
            yield from _modules(item, f"{prefix}{item.name}/")
