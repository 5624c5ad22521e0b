"""Somebody who reads a project's rows all the time, as its users do."""

import threading
import time
from http.client import HTTPException


class Reader:
    """`seen`: each answer that was given, once. `failed`: answers that were none. `gap`: seconds from the last
    answer before the longest time without one to the first after it."""

    def __init__(self, project) -> None:
        self.seen: set[tuple[str, ...]] = set()
        self.answered = self.failed = 0
        self.gap = 0.0
        self._project = project
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        last = time.monotonic()
        while not self._end.wait(0.05):
            try:
                self.seen.add(tuple(self._project.entries()))
            except (OSError, HTTPException):
                self.failed += 1
                continue
            self.answered += 1
            self.gap = max(self.gap, time.monotonic() - last)
            last = time.monotonic()
