"""The load generator counts what it should: every way of losing a request is a failure."""

import http.server
import threading

import pytest

from edgepaas_tasks.lab.load import Load

GOOD = ("200 OK", {"X-EdgePaaS-Release": "3"}, b'{"release": "3"}')


@pytest.fixture
def serve():
    servers = []

    def serve(status, headers, body, length=None, close=False):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.command == "POST":
                    self.rfile.read(int(self.headers["Content-Length"]))
                created = status.replace("200", "201") if self.command == "POST" else status
                self.wfile.write(f"HTTP/1.1 {created}\r\n".encode())
                for name, value in headers.items():
                    self.wfile.write(f"{name}: {value}\r\n".encode())
                self.wfile.write(f"Content-Length: {length or len(body)}\r\n\r\n".encode() + body)
                self.close_connection = close or length is not None

            do_POST = do_GET

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()


def report(url, **options):
    load = Load(url, connections=2, requests=20, seconds=10, **options).start()
    for thread in load._threads:
        thread.join()
    return load.stop()


@pytest.mark.parametrize("keep_alive", [True, False])
def test_good_answers_are_counted_by_release_and_method(serve, keep_alive):
    found = report(serve(*GOOD), keep_alive=keep_alive)
    assert found.failed == 0, str(found)
    assert found.sent >= 20
    assert set(found.releases) == {"3"}
    assert set(found.methods) == {"GET", "POST"}
    assert found.releases["3"].last >= found.releases["3"].first


def test_a_pause_is_kept_between_the_requests_of_a_connection(serve):
    found = report(serve(*GOOD), pause=0.05)
    assert found.sent >= 20
    assert found.seconds >= 9 * 0.05  # two connections, ten requests each


def test_a_proper_close_after_a_whole_answer_is_no_failure(serve):
    status, headers, body = GOOD
    assert report(serve(status, {**headers, "Connection": "close"}, body, close=True)).failed == 0


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (("500 Oops", GOOD[1], GOOD[2]), "status 500"),
        (("204 No", GOOD[1], b""), "status 204"),
        ((GOOD[0], {}, GOOD[2]), "no X-EdgePaaS-Release"),
        ((GOOD[0], GOOD[1], b'{"release": "4"}'), "the body is of release 4"),
        ((GOOD[0], GOOD[1], b"<html>"), "JSON"),
        ((GOOD[0], GOOD[1], GOOD[2], 1000), "IncompleteRead"),
    ],
)
def test_everything_else_is_a_failure(serve, answer, what):
    found = report(serve(*answer))
    assert found.failed == found.sent > 0
    assert found.last_failed >= found.failures[-1].at
    assert what in str(found)


def test_a_connection_that_is_closed_without_notice_is_a_failure(serve):
    found = report(serve(*GOOD, close=True), methods=("GET",))
    assert found.failed > 0


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1", "http://example.org", "http://127.evil.example"]
)
def test_load_goes_to_this_machine_only(url):
    with pytest.raises(ValueError, match="this machine only"):
        Load(url)
