"""What is under way survives a flip; a release that fails behind nginx goes back by itself, with its times told."""

import http.client
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from edgepaas_tasks.lab.load import Load
from tests.lab import traffic_app
from tests.lab.conftest import STEADY
from tests.lab.faults import SOAK, Fault

SECONDS = 20 if SOAK else 6
NEVER = "inf"


@pytest.fixture(scope="module")
def images():
    """The trial app's image, once it was built."""
    return []


@pytest.fixture
def tried(faulty, images):
    """A trial app is live, and what `words` deploys is the trial app again."""
    faulty.configure(variables={"FAIL_AFTER": {"type": "string", "default": NEVER}})
    if not images:
        traffic_app.enrich(faulty.project.app)
        done, _ = faulty.run(("deploy", "--version", f"trial-{time.time_ns()}"))
        assert done.returncode == 0, done.stderr
        images.append(faulty.live_image())
    (faulty.image,) = images
    return faulty


# The whole frames of one kind each (RFC 6455, 5.2): the first bit says that it is whole.
TEXT, PING, PONG = 0x81, 0x89, 0x8A


class Echo:
    """A WebSocket (RFC 6455) with just enough of the protocol for short texts."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.stream = self.socket.makefile("rb")
        self.socket.sendall(
            b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        status = self.stream.readline()
        assert b" 101 " in status, status
        while self.stream.readline() != b"\r\n":
            pass

    def ask(self, text: str) -> str:
        self._send(TEXT, text.encode())
        kind, data = self._receive()
        while kind == PING:
            self._send(PONG, data)
            kind, data = self._receive()
        assert kind == TEXT, "a whole text frame, not the end of the connection"
        return data.decode()

    def _send(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))
        self.socket.sendall(bytes([kind, 0x80 | len(data)]) + mask + masked)

    def _receive(self) -> tuple[int, bytes]:
        kind, length = self.stream.read(2)
        return kind, self.stream.read(length)

    def close(self) -> None:
        self.stream.close()  # the socket is open for as long as this is
        self.socket.close()


def stream(port: int, seconds: int) -> Iterator[bytes]:
    """The lines of an answer that takes so long; fewer when it is cut short."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/stream?seconds={seconds}")
    with suppress(http.client.IncompleteRead):
        yield from connection.getresponse()


class Upload:
    """A POST whose body comes a byte at a time, as from a client on a slow link."""

    SIZE = 1000

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.putrequest("POST", "/upload")
        self.connection.putheader("Content-Length", str(self.SIZE))
        self.connection.endheaders()
        self.sent = 0

    def more(self, count: int = 1) -> None:
        self.connection.send(b"x" * count)
        self.sent += count

    def end(self) -> str:
        """What is answered once the rest was sent."""
        self.more(self.SIZE - self.sent)
        answer = self.connection.getresponse()
        return f"{answer.status} {answer.read().decode()}"


def test_a_stream_a_websocket_and_an_upload_survive_a_deploy(tried):
    project = tried.project
    port = project.host.host.http
    tried.configure(flip={"bake": 0.5, "drain": 60})
    old = str(project.status()[0]["release"])
    lines: list[bytes] = []
    process = tried.start(tried.words("deploy"), Fault("hold", "before", "flip to"))
    tried.reach(process)
    streaming = threading.Thread(target=lambda: lines.extend(stream(port, SECONDS)))
    streaming.start()
    echo, upload = Echo(port), Upload(port)
    tried.go()
    while project.get()["release"] == old:
        assert process.poll() is None, tried.end(process)
        assert echo.ask("before") == f"{old} before"
        upload.more()
    assert streaming.is_alive(), "it flipped too late for this test"
    asked = 0
    while streaming.is_alive():
        # Both run on, at the old release, while all new requests go to the new one.
        assert echo.ask(f"after {asked}") == f"{old} after {asked}"
        assert project.get()["release"] != old
        upload.more()
        asked += 1
        time.sleep(0.1)
    streaming.join()
    assert lines == [f"{old} {number}\n".encode() for number in range(SECONDS * 5)]
    assert process.poll() is None, "the old release waits for its last connection"
    assert echo.ask("the last") == f"{old} the last"
    echo.close()
    for _ in range(
        60
    ):  # for longer than nginx keeps the stream's connection to the app, which is drained for too
        upload.more()
        time.sleep(0.1)
    assert process.poll() is None, "and for the last byte of a request"
    assert upload.end() == f"200 {old} {Upload.SIZE}"
    done, _ = tried.end(process)
    assert done.returncode == 0, done.stderr
    print(f"a stream of {SECONDS} s and {asked} WebSocket messages after the flip")


# Not killed with 0: it may have gone back before anybody sees that it was there.
FAILING = [("0", False), ("3", True)] + ([("3", False)] if SOAK else [])


@pytest.mark.parametrize(("after", "killed"), FAILING)
def test_a_release_that_fails_on_the_public_path_goes_back(tried, after, killed):
    """`after` seconds behind nginx it answers 500. When the deploying process is killed right after the flip, too."""
    late = fail_on_the_public_path(tried, after, killed)
    if (
        late >= REQUIRED
    ):  # once more: a machine that was busy elsewhere for a moment says nothing about us
        late = fail_on_the_public_path(tried, after, killed)
    assert late < REQUIRED
    tried.configure()
    tried.converge()


REQUIRED = 1000  # milliseconds from the first failed look to the flip back


def fail_on_the_public_path(tried, after: str, killed: bool) -> int:
    """How long it took from the first failed look, in ms, as the host tells it; 0 when there was nobody to tell."""
    project = tried.project
    tried.configure(
        flip={"bake": 30, "drain": 5},
        variables={"FAIL_AFTER": {"type": "string", "default": NEVER}},
    )
    before = project.status()[0]
    words = (*tried.words("deploy"), "--set", f"FAIL_AFTER={after}")
    with Load(project.url, **STEADY) as load:
        process = tried.start(words, Fault("hold", "before", "flip to"))
        tried.reach(process)
        tried.go()
        if killed:
            while project.host.run("readlink /opt/edgepaas/guestbook-lab/live").endswith(
                f"/{before['release']}"
            ):
                assert process.poll() is None, process.communicate()
            process.kill()
        _, err = process.communicate(timeout=120)
        wait_for(lambda: project.get()["release"] == str(before["release"]))
        time.sleep(1)
    report = load.report
    after_it = project.status()[0]
    assert (after_it["slot"], after_it["release"]) == (before["slot"], before["release"])
    assert report.releases[str(before["release"])].last > report.last_failed
    if killed:
        return 0
    assert process.returncode == 1
    assert "flipped back" in err
    told = re.search(r"errors for at most ([0-9]+) ms, ([0-9]+) ms of them after", err)
    whole, late = map(int, told.groups())
    assert report.failures, "the load saw it fail"
    seen = report.last_failed - report.failures[0].at
    print(f"told {whole} ms, {late} ms after detection; seen {seen:.2f} s, {report}")
    assert seen < whole / 1000 + 1
    return late


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def test_a_script_that_outlived_its_connection_is_never_overtaken(tried):
    """The process is killed while its last script waits, silent, for a container that takes its time to end."""
    project = tried.project
    # Nobody drains: the open stream holds up `docker stop`, as long as that lets it.
    tried.configure(container={"stop_timeout": 6}, flip={"bake": 0.5, "drain": 0})
    tried.converge()
    streaming = threading.Thread(target=lambda: list(stream(project.host.host.http, 60)))
    process = tried.start(tried.words("deploy"), Fault("hold", "before", "flip to"))
    tried.reach(process)
    streaming.start()
    tried.go()
    stopping = "pgrep -fc '^docker stop -t 6' || :"
    wait_for(lambda: project.host.run(stopping) != "0")
    token = project.host.run("head -n 1 /opt/edgepaas/guestbook-lab/lease")
    process.kill()
    process.communicate()
    # Whose the lease is for as long as that script runs, seen by the host itself.
    watch = (
        "while pgrep -f '^docker stop -t 6' >/dev/null; do head -n 1 /opt/edgepaas/guestbook-lab/lease; "
        "sleep 0.05; done | sort -u"
    )
    seen: list[str] = []
    watching = threading.Thread(target=lambda: seen.extend(project.host.run(watch).split()))
    watching.start()
    words = (*tried.words("deploy"), "--wait", "60")
    done, _ = tried.run(words)
    watching.join()
    streaming.join()
    assert done.returncode == 0, done.stderr
    assert project.status()[0]["version"] == words[words.index("--version") + 1]
    assert seen == [token], "nobody else had the lease while that script ran"
