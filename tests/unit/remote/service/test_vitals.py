"""What one call of a real curl tells of a public path and two slots is understood, whatever each of them does."""

import subprocess
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from edgepaas_tasks.lab.hosts import free_ports
from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.service import vitals
from edgepaas_tasks.remote.service.nginx import Site
from edgepaas_tasks.remote.service.vitals import SILENT, Answer


@contextmanager
def server(status, **headers):
    """Answers /health with this; what it was asked for by which name is kept."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Host"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    asked = []
    listener = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield listener.server_port, asked
    finally:
        listener.shutdown()
        listener.server_close()


def ask(public, blue, green):
    layout = Layout("shop-prod")
    site = Site(layout, "shop", blue, green, public, "shop.example", "10m", 60)
    (command,) = vitals.query(site, "/health").commands
    done = subprocess.run(command.words, capture_output=True, text=True)
    assert done.returncode in {0, *SILENT}
    return vitals.parse(done.stdout)


def test_each_answers_for_itself():
    with ExitStack() as stack:
        public, asked = stack.enter_context(
            server(200, x_edgepaas_release="7", public="= blue 1 1")
        )
        blue, _ = stack.enter_context(server(503))
        green, alone = stack.enter_context(server(204))
        found = ask(public, blue, green)
    assert (found.public.status, found.public.release) == (200, 7)
    assert {slot: one.status for slot, one in found.slots.items()} == {"blue": 503, "green": 204}
    assert [found.public.ok, *(one.ok for one in found.slots.values())] == [True, False, True]
    assert 0 < found.public.seconds < 5
    assert asked == [("/health", "shop.example")]
    assert alone == [("/health", f"127.0.0.1:{green}")]


@pytest.mark.parametrize("there", [0, 1, 2])
def test_who_does_not_answer_hides_nobody_else(there):
    with server(200, x_edgepaas_release="7") as (port, _):
        ports = free_ports(3)
        ports[there] = port
        found = ask(*ports)
    each = [found.public.status, *(one.status for one in found.slots.values())]
    assert each == [200 if number == there else 0 for number in range(3)]
    assert found.public.release == (7 if there == 0 else 0)


def test_other_locales_and_no_answer_at_all():
    text = "HTTP/2 204\r\nx-edgepaas-release: 7\r\n\r\n= public 204 0,5\n= blue 000 0,0\n"
    found = vitals.parse(text)
    assert found.public == Answer(204, 0.5, 7)
    assert set(found.slots.values()) == {Answer()}
    assert vitals.parse("") == vitals.Vitals(Answer(), {"blue": Answer(), "green": Answer()})
