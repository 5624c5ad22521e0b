"""One decision of several hosts: all keep a new release, or none does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator


class Vote:
    """Every host votes: well, after its bake; against, when it failed. The first vote against decides, or the last for.

    `entry` gives the journal's line of a release that stays; it is asked for once, when that is decided.
    """

    def __init__(self, hosts: Iterable[str], entry: Callable[[], str]) -> None:
        self._left = set(hosts)
        self._entry = entry
        self._lock = threading.Lock()
        self._decided = threading.Event()
        self._word = ""

    @property
    def committed(self) -> bool:
        """Decided, and for the new release."""
        return self._word.startswith("commit ")

    def ready(self, host: str) -> None:
        """This host has baked the release."""
        with self._lock:
            self._left.discard(host)
            if not self._left:
                self._decide(f"commit {self._entry()}")

    def failed(self, host: str) -> None:
        """This host failed, or is lost; without effect once it is decided."""
        with self._lock:
            self._decide(f"back {host} failed")

    def decision(self) -> Iterator[bytes]:
        """What a host's script hears, as soon as it is decided."""
        self._decided.wait()
        yield self._word.encode() + b"\n"

    def _decide(self, word: str) -> None:
        if not self._decided.is_set():
            self._word = word
            self._decided.set()
