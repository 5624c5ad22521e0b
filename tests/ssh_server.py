"""A real SSH server on the loopback address: it knows no commands, and lets everybody in, and through to others."""

import contextlib
import queue
import select
import socket
import threading
from contextlib import closing

import paramiko


class SSHServer:
    """Listens until `close`. `users` are those who came further than the key exchange."""

    def __init__(self, *keys, forwards=True):
        self.keys, self.forwards, self.users = keys, forwards, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def logins(self):
        return len(self.users)

    @property
    def name(self):
        """As known_hosts files name it."""
        return f"[127.0.0.1]:{self.port}"

    @property
    def pins(self):
        return "".join(f"{self.name} {key.get_name()} {key.get_base64()}\n" for key in self.keys)

    def close(self):
        with contextlib.suppress(OSError):  # closed before
            self.socket.shutdown(socket.SHUT_RDWR)  # else `accept` goes on
        self.socket.close()

    def _listen(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        transport = paramiko.Transport(sock)
        for key in self.keys:
            transport.add_server_key(key)
        session = _Session(self)
        with contextlib.suppress(Exception):
            transport.start_server(server=session)
            while transport.is_active():
                channel = transport.accept(1)
                if channel is not None:
                    there = session.ways.get_nowait()
                    threading.Thread(target=_join, args=(channel, there), daemon=True).start()


class _Session(paramiko.ServerInterface):
    def __init__(self, server):
        self.server, self.ways = server, queue.Queue()

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        self.server.users.append(username)
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        if not self.server.forwards:
            return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        try:
            self.ways.put(socket.create_connection(destination, 5))
        except OSError:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        return paramiko.OPEN_SUCCEEDED


def _join(channel, sock):
    """Bytes both ways until one side ends."""
    with contextlib.suppress(EOFError, OSError), closing(channel), closing(sock):
        while True:
            ready, _, _ = select.select([channel, sock], [], [], 60)
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                (sock if one is channel else channel).sendall(data)
            if not ready:
                return
