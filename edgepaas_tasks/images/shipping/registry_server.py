"""The registry on this machine's loopback address."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from edgepaas_tasks.images.shipping import registry_http
from edgepaas_tasks.images.shipping.registry import Registry

PORT = 5591  # the same every time if it is free: the engine remembers what it has pushed where


@contextmanager
def serve(registry: Registry) -> Iterator[Registry]:
    """The registry answers on 127.0.0.1, at `registry.port`, until the end."""

    class Handler(registry_http.Handler):
        of = registry

    class Server(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True
        # Not HTTPServer's own, which asks a name server for its name.
        server_bind = socketserver.TCPServer.server_bind

        def handle_error(self, *_: object) -> None:
            """A connection that was cut: whoever pulls says so."""

    try:
        server = Server(("127.0.0.1", PORT), Handler)
    except OSError:
        server = Server(("127.0.0.1", 0), Handler)
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.daemon = True
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
