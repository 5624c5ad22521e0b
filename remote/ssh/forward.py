"""A port of a host that leads to a port of this machine, over the SSH connection that is there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

LOOPBACK = "127.0.0.1"
CHUNK = 256 * 1024  # bytes at a time


class ForwardRefused(Exception):
    """The host's sshd forwards no ports (AllowTcpForwarding)."""


@contextmanager
def reverse(transport: Any, port: int) -> Iterator[int]:
    """A port on the host's loopback address; each of its connections ends at `port` of this machine's.

    Raises ForwardRefused.
    """
    from paramiko.ssh_exception import SSHException

    def accept(channel: Any, origin: object, server: object) -> None:
        threading.Thread(target=_join, args=(channel, port), daemon=True).start()

    try:
        there = transport.request_port_forward(LOOPBACK, 0, handler=accept)
    except SSHException as error:
        raise ForwardRefused(str(error)) from None
    try:
        yield int(there)
    finally:
        with suppress(SSHException, OSError, EOFError):
            transport.cancel_port_forward(LOOPBACK, there)


def _join(channel: Any, port: int) -> None:
    """Carries bytes both ways until both sides have said all."""
    try:
        here = socket.create_connection((LOOPBACK, port), 10)
    except OSError:
        channel.close()
        return
    here.settimeout(None)

    def up() -> None:
        with suppress(OSError, EOFError):
            while data := channel.recv(CHUNK):
                here.sendall(data)
        with suppress(OSError):
            here.shutdown(socket.SHUT_WR)

    asking = threading.Thread(target=up, daemon=True)
    asking.start()
    with suppress(OSError, EOFError):
        while data := here.recv(CHUNK):
            channel.sendall(data)
        channel.shutdown_write()
    asking.join()
    channel.close()
    here.close()
