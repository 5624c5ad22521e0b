"""A load generator that reads every answer: a request counts only when it is whole and names its release.

Requests go to this machine only. It ends by itself.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any
from urllib.parse import urlsplit

HEADER = "X-EdgePaaS-Release"
KEPT = 20  # failures that are kept with their details; all are counted
ENTRY = json.dumps({"author": "load", "text": "a line of a load generator"})


@dataclass
class Seen:
    """The answers of one release: how many, and when (monotonic seconds) the first began and the last ended."""

    count: int = 0
    first: float = 0.0
    last_begun: float = 0.0
    last: float = 0.0
    slowest: float = 0.0

    def add(self, begun: float, ended: float) -> None:
        self.first = min(self.first, begun) if self.count else begun
        self.last_begun = max(self.last_begun, begun)
        self.last = max(self.last, ended)
        self.slowest = max(self.slowest, ended - begun)
        self.count += 1


@dataclass(frozen=True)
class Failure:
    """One request that was lost: which connection, what was asked, what happened."""

    at: float
    connection: int
    request: str
    what: str


@dataclass
class Report:
    """All that was sent so far, from `begun` (monotonic). `failed` requests are part of `sent`, `last_failed` is when
    the last of them was lost."""

    sent: int = 0
    failed: int = 0
    last_failed: float = 0.0
    releases: dict[str, Seen] = field(default_factory=dict)
    methods: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    begun: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        seen = ", ".join(
            f"release {name}: {one.count} (slowest {one.slowest * 1000:.0f} ms)"
            for name, one in sorted(self.releases.items())
        )
        lines = [f"{self.sent} requests in {self.seconds:.1f} s, {self.failed} failed; {seen}"]
        lines += [
            f"  {one.request} after {one.at - self.begun:.2f} s: {one.what}"
            for one in self.failures
        ]
        return "\n".join(lines)


@dataclass
class Load:
    """Requests over a number of connections, from `start` to `stop` or to the bounds: `seconds` and `requests`.

    With `keep_alive` a connection is used until the server closes it in the proper way (`Connection: close` on a whole
    answer); any other end of a connection is a lost request. `methods` are taken in turn; a POST adds an entry. `host`
    is sent as the Host header instead of the address. `pause`: seconds between two requests of a connection.
    """

    url: str
    _: KW_ONLY
    connections: int = 32
    keep_alive: bool = True
    methods: Sequence[str] = ("GET", "POST")
    host: str = ""
    pause: float = 0.0
    seconds: float = 600.0
    requests: int = 10_000_000
    report: Report = field(init=False, default_factory=Report)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        name = parts.hostname or ""
        if not _is_here(name):
            raise ValueError(f"{self.url}: load goes to this machine only")
        self._address = (name, parts.port or 80)
        self._headers = {"Host": self.host} if self.host else {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._begun = 0.0

    def start(self) -> Load:
        self._begun = self.report.begun = time.monotonic()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(self.connections)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> Report:
        """Ends it; requests under way are finished and counted."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        self.report.seconds = time.monotonic() - self._begun
        return self.report

    def __enter__(self) -> Load:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _work(self, number: int) -> None:
        connection: http.client.HTTPConnection | None = None
        turn = number  # so that not all connections send the same method at once
        end = self._begun + self.seconds
        while (
            not self._stop.is_set() and time.monotonic() < end and self.report.sent < self.requests
        ):
            method = self.methods[turn % len(self.methods)]
            turn += 1
            begun = time.monotonic()
            if connection is None:
                connection = http.client.HTTPConnection(*self._address, timeout=30)
            try:
                release, closes = self._request(connection, method)
            except Exception as error:  # whatever went wrong, the request was lost
                self._failed(number, method, f"{type(error).__name__}: {error}")
                connection.close()
                connection = None
                time.sleep(0.05)  # a site that is down is not asked a million times
                continue
            self._good(method, release, begun)
            if closes or not self.keep_alive:
                connection.close()
                connection = None
            if self.pause:
                self._stop.wait(self.pause)
        if connection is not None:
            connection.close()

    def _request(self, connection: http.client.HTTPConnection, method: str) -> tuple[str, bool]:
        """The release that answered, and whether the server closes now. Raises for anything but a whole success."""
        headers = dict(self._headers)
        if not self.keep_alive:
            headers["Connection"] = "close"
        if method == "POST":
            headers["Content-Type"] = "application/json"
            connection.request("POST", "/api/entries", ENTRY, headers)
        else:
            connection.request("GET", "/version", headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        release = answer.headers.get(HEADER)
        wanted = 201 if method == "POST" else 200
        if answer.status != wanted:
            raise ValueError(f"status {answer.status} from release {release}: {data[:200]!r}")
        if release is None:
            raise ValueError(f"no {HEADER}")
        body: dict[str, Any] = json.loads(data)
        if str(body.get("release")) != release:
            raise ValueError(f"{HEADER} is {release}, the body is of release {body.get('release')}")
        return release, answer.will_close

    def _good(self, method: str, release: str, begun: float) -> None:
        ended = time.monotonic()
        with self._lock:
            self.report.sent += 1
            self.report.methods[method] += 1
            self.report.releases.setdefault(release, Seen()).add(begun, ended)

    def _failed(self, number: int, method: str, what: str) -> None:
        with self._lock:
            self.report.sent += 1
            self.report.failed += 1
            self.report.last_failed = time.monotonic()
            self.report.methods[method] += 1
            if len(self.report.failures) < KEPT:
                lost = Failure(self.report.last_failed, number, method, what)
                self.report.failures.append(lost)


def _is_here(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
