"""A Fabric connection whose host keys are verified at every hop, on a socket that does not dawdle."""

from __future__ import annotations

import logging
import re
import shlex
import socket
import threading
from contextlib import suppress
from typing import Any

from ..errors import Unreachable
from ..target import Target
from .config import readable
from .hostkeys import Key
from .reasons import reasons
from .route import links, route
from .verification import ALGORITHMS, key_of, verify

KEEPALIVE = 15  # seconds between keepalive packets
UNANSWERED = 45  # seconds of unanswered packets after which the kernel gives the connection up


def connect(target: Target) -> Any:
    """An open Fabric connection to `target`, its key and those of the hosts on the way verified against known_hosts.

    Raises HostKeyUnknown, HostKeyChanged, or Unreachable for everything else that keeps us out.
    """
    # Its transport thread logs tracebacks of failures that we report ourselves.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    connection = prepare(target)
    try:
        for link in reversed(list(links(connection))):
            _open(link, target, connection)
    except BaseException:
        disconnect(connection)
        raise
    return connection


def disconnect(connection: Any) -> None:
    """Closes it at once, its jump hosts too; paramiko alone may wait 0.1 s for the thread that reads."""
    for link in list(links(connection)):
        if link.transport is not None:
            sock = link.transport.sock
            if isinstance(sock, socket.socket):
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        link.close()


def preload() -> None:
    """Import the SSH stack (0.2 s) in the background, while this process waits for something else."""

    def load() -> None:
        import fabric  # noqa: F401

    threading.Thread(target=load).start()


def prepare(target: Target) -> Any:
    """The connection not yet opened, ready to verify."""
    connection = route(target)
    for link in links(connection):
        verify(link, target, connection, _transport)
    return connection


def shown_keys(target: Target) -> list[Key]:
    """The keys that a host shows to anybody, a key of each type. Nothing is sent to it; hosts on the way are verified.

    Raises Unreachable, and for a host on the way what `connect` raises.
    """
    from paramiko.ssh_exception import IncompatiblePeer

    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    connection = prepare(target)
    kinds = (
        ("ssh-ed25519",),
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
        ALGORITHMS["ssh-rsa"],
    )
    found = []
    try:
        for link in reversed(list(links(connection.gateway))):
            _open(link, target, connection)
        for kind in kinds:
            with reasons(connection, target, connection):
                sock = way(connection, target.connect_timeout) or socket.create_connection(
                    (connection.host, connection.port), target.connect_timeout
                )
                transport = _transport(sock)
                transport.banner_timeout = int(target.connect_timeout)
                transport.get_security_options().key_types = kind
                try:
                    transport.start_client(timeout=target.connect_timeout)
                    found.append(key_of(transport.get_remote_server_key()))
                except IncompatiblePeer:
                    continue
                finally:
                    transport.close()
    finally:
        disconnect(connection)
    return found


def way(link: Any, timeout: float) -> Any:
    """A socket-like way to a host through its gateway, None when there is none. Fabric's own would wait an hour."""
    from paramiko import ProxyCommand

    if not link.gateway:
        return None
    if isinstance(link.gateway, str):
        # Word by word: no shell sees it.
        values = {"%h": link.host, "%p": str(link.port), "%r": str(link.user), "%%": "%"}
        words = [
            re.sub("%[hpr%]", lambda match: values[match.group()], word)
            for word in shlex.split(link.gateway)
        ]
        return ProxyCommand(shlex.join(words))
    return link.gateway.transport.open_channel(
        "direct-tcpip", (link.host, int(link.port)), ("", 0), timeout=timeout
    )


def _open(link: Any, target: Target, connection: Any) -> None:
    if target.key is not None and not readable(target.key.expanduser()):
        raise Unreachable(
            target.name,
            "its private key cannot be read",
            tried=str(target.key),
            next_step="correct edgepaas.ssh.key, or leave it out where an agent has the key",
        )
    with reasons(link, target, connection):
        if link.gateway:
            sock = way(link, target.connect_timeout)
            link.open_gateway = lambda: sock
        link.open()
        link.transport.set_keepalive(KEEPALIVE)


def _transport(sock: Any, **options: Any) -> Any:
    """paramiko's transport, on a socket that is tuned before the key exchange."""
    from paramiko import Transport

    if isinstance(sock, socket.socket):
        # paramiko leaves Nagle's algorithm on, which costs an exec one round trip and 40 ms, a login two round trips.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED * 1000)
    return Transport(sock, **options)
