"""A registry on this machine's loopback address, for as long as one image is on its way.

The engine pushes into it only what it is told is missing, and hosts pull from it through their SSH connection.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path


class Registry:
    """What was pushed: blobs as files in `folder`, manifests in memory.

    Blobs in `waived`, with their sizes, count as being here although they are not. Only who knows `reading`, the name
    to pull from, can read; only what is pushed to `writing` is taken.
    """

    def __init__(
        self, folder: Path, writing: str, assumed_present: Mapping[str, int] | None = None
    ) -> None:
        self.folder = folder
        self.writing = writing
        self.reading = f"{secrets.token_hex(8)}/{writing.rpartition('/')[2]}"
        self.assumed_present = assumed_present or {}
        self.manifests: dict[str, tuple[str, bytes]] = {}  # media type and text, by digest
        self.served = 0  # bytes of blobs that were pulled
        self.port = 0
        self._lock = threading.Lock()

    def path(self, digest: str) -> Path:
        return self.folder / digest.partition(":")[2]

    def upload(self, name: str) -> Path:
        """Where a blob that is not complete yet grows."""
        return self.folder / f"{name}.partial"

    def add(self, media_type: str, manifest: bytes) -> str:
        """Takes a manifest; its digest."""
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.manifests[digest] = (media_type, manifest)
        return digest

    def count(self, bytes: int) -> None:
        with self._lock:
            self.served += bytes
