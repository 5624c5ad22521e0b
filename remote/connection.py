"""A Fabric connection whose host key is verified, on a socket that does not dawdle."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remote.errors import HostKeyChanged, HostKeyUnknown, RemoteError, Unreachable

KEEPALIVE = 15  # seconds between keepalive packets
UNANSWERED = 45  # seconds of unanswered packets after which the kernel gives the connection up


@dataclass(frozen=True)
class Target:
    """Where a host is and how to log in. What is not given comes from ~/.ssh/config, then from Fabric's defaults."""

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    key: Path | None = None
    known_hosts: Path | None = None
    connect_timeout: float = 10.0

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if self.port else self.address


def connect(target: Target) -> Any:
    """An open Fabric connection to `target`, its key verified against known_hosts.

    Raises HostKeyUnknown, HostKeyChanged, or Unreachable for everything else that keeps us out.
    """
    from fabric import Config, Connection
    from paramiko.ssh_exception import (
        AuthenticationException,
        BadHostKeyException,
        NoValidConnectionsError,
        PasswordRequiredException,
        SSHException,
    )

    # Its transport thread logs tracebacks of failures that we report ourselves.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    arguments: dict[str, Any] = {"banner_timeout": target.connect_timeout}
    if target.key is not None:
        arguments["key_filename"] = str(target.key.expanduser())
        arguments["look_for_keys"] = False
    connection: Any = Connection(
        target.address,
        user=target.user,
        port=target.port,
        config=Config(),  # its own, not Invoke's: only so is ~/.ssh/config read
        connect_timeout=int(target.connect_timeout),
        connect_kwargs=arguments,
    )
    link: Any = connection
    while isinstance(link, Connection):  # a jump host is a connection too, and verified like one
        _verify_keys(link, target)
        options: Any = link.connect_kwargs
        options["transport_factory"] = _transport
        link = link.gateway
    where = f"{connection.user}@{connection.host}:{connection.port}"
    try:
        connection.open()
    except RemoteError:
        raise
    except BadHostKeyException as error:
        raise HostKeyChanged(
            target.name,
            "the host shows another key than the pinned one; nothing was sent",
            tried=f"ssh {where}",
            got=f"{error.key.get_name()} {fingerprint(error.key)}, "
            f"pinned is {fingerprint(error.expected_key)}",
            next_step="find out why. If the host was rebuilt: "
            f"ssh-keygen -R '{known_name(connection.host, connection.port)}' and pin the new key",
        ) from None
    except PasswordRequiredException:
        raise Unreachable(
            target.name,
            "the private key is locked with a passphrase",
            tried=f"ssh {where}",
            next_step="ssh-add it to an agent first",
        ) from None
    except AuthenticationException as error:
        raise Unreachable(
            target.name,
            "the host refuses the login",
            tried=f"ssh {where}" + (f" with {target.key}" if target.key else ""),
            got=str(error),
            next_step=f"check user and key: ssh -p {connection.port} "
            f"{connection.user}@{connection.host} true",
        ) from None
    except TimeoutError:
        raise Unreachable(
            target.name,
            f"no answer within {target.connect_timeout:.0f} s",
            tried=f"ssh {where}",
            next_step="is the host up, and its security group open for this machine?",
        ) from None
    except socket.gaierror as error:
        raise Unreachable(
            target.name,
            "the address does not resolve",
            tried=f"ssh {where}",
            got=str(error.strerror),
            next_step="check the host's address in the settings",
        ) from None
    except (NoValidConnectionsError, SSHException, OSError, EOFError) as error:
        raise Unreachable(
            target.name,
            "no SSH connection",
            tried=f"ssh {where}",
            got=_cause(error),
            next_step="is the host up, and sshd listening on that port?",
        ) from None
    connection.transport.set_keepalive(KEEPALIVE)
    return connection


def disconnect(connection: Any) -> None:
    """Closes it at once, its jump hosts too; paramiko alone may wait 0.1 s for the thread that reads."""
    while connection is not None and not isinstance(connection, str):
        if connection.transport is not None:
            sock = connection.transport.sock
            if isinstance(sock, socket.socket):
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        connection = connection.gateway


def preload() -> None:
    """Import the SSH stack (0.2 s) in the background, while this process waits for something else."""

    def load() -> None:
        import fabric  # noqa: F401

    threading.Thread(target=load).start()


def known_name(host: str, port: int) -> str:
    """The name under which known_hosts files keep a key (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    return host if port == 22 else f"[{host}]:{port}"


def fingerprint(key: Any) -> str:
    """As ssh-keygen -l prints it."""
    return str(key.fingerprint)


def _verify_keys(connection: Any, target: Target) -> None:
    from paramiko import MissingHostKeyPolicy

    class Refuse(MissingHostKeyPolicy):
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            raise HostKeyUnknown(
                target.name,
                "its host key is not known; nothing was sent",
                tried=f"ssh {hostname}",
                got=f"{key.get_name()} {fingerprint(key)}",
                next_step="compare it with the host's console, then pin it: "
                f"ssh-keyscan -p {connection.port} {connection.host} >> ~/.ssh/known_hosts",
            )

    client = connection.client
    client.set_missing_host_key_policy(Refuse())
    for path in _known_hosts(connection, target):
        if path.is_file():
            client.load_system_host_keys(str(path))


def _known_hosts(connection: Any, target: Target) -> list[Path]:
    """The given file alone, else those of ~/.ssh/config, else OpenSSH's defaults."""
    if target.known_hosts is not None:
        return [target.known_hosts.expanduser()]
    configured = str(connection.ssh_config.get("userknownhostsfile", "~/.ssh/known_hosts"))
    system = str(connection.ssh_config.get("globalknownhostsfile", "/etc/ssh/ssh_known_hosts"))
    return [Path(name).expanduser() for name in (configured + " " + system).split()]


def _transport(sock: Any, **options: Any) -> Any:
    """paramiko's transport, on a socket that is tuned before the key exchange."""
    from paramiko import Transport

    if isinstance(sock, socket.socket):
        # paramiko leaves Nagle's algorithm on, which costs an exec one round trip and 40 ms, a login two round trips.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED * 1000)
    return Transport(sock, **options)


def _cause(error: BaseException) -> str:
    inner = getattr(error, "errors", None)
    if isinstance(inner, dict) and inner:
        return str(next(iter(inner.values())))
    return str(error) or type(error).__name__
