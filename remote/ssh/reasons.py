"""Why there is no connection, in the operator's words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import RemoteError, Unreachable
from ..target import Target
from .config import identities, unjudged


@contextmanager
def reasons(link: Any, target: Target, connection: Any) -> Iterator[None]:
    """What goes wrong while one hop is opened, as an error that names it."""
    from paramiko.ssh_exception import (
        AuthenticationException,
        ChannelException,
        NoValidConnectionsError,
        PasswordRequiredException,
        SSHException,
    )

    who = "the host" if link is connection else f"the jump host {link.host}"
    where = f"ssh {link.user}@{link.host}:{link.port}"

    def failed(problem: str, got: str = "", then: str = "", tried: str = where) -> Unreachable:
        if block := unjudged(link.ssh_config):
            got += f"\nthe block of {block} was passed over: its criteria are not understood"
        return Unreachable(target.name, problem, tried=tried, got=got.strip(), next_step=then)

    try:
        yield
    except RemoteError:
        raise
    except PasswordRequiredException:
        raise failed(
            "the private key is locked with a passphrase", then="ssh-add it to an agent first"
        ) from None
    except AuthenticationException as error:
        raise failed(
            f"{who} refuses the login",
            f"{error}{_passed_over(link)}",
            f"check user and key: ssh -p {link.port} {link.user}@{link.host} true",
            tried=where + (f" with {target.key}" if target.key else ""),
        ) from None
    except ChannelException as error:
        raise failed(
            f"the jump host {link.gateway.host} does not reach {link.host}:{link.port}",
            error.text,
            "is the host up and open for the jump host, and AllowTcpForwarding on there?",
        ) from None
    except TimeoutError:
        raise failed(
            f"no answer within {target.connect_timeout:.0f} s",
            then="is the host up, and its security group open for this machine?",
        ) from None
    except socket.gaierror as error:
        raise failed(
            "the address does not resolve",
            str(error.strerror),
            "check the host's address in the settings",
        ) from None
    except (NoValidConnectionsError, SSHException, OSError, EOFError) as error:
        if _at_the_login(link):
            raise failed(
                f"{who} is there, and there is nothing to log in with",
                f"{_cause(error)}{_passed_over(link)}",
                "ssh-add a key, or set edgepaas.ssh.key",
            ) from None
        if isinstance(link.gateway, str):
            raise failed(
                "no SSH connection through the proxy command",
                _cause(error),
                "run it by hand: it must speak SSH on its standard output",
                tried=link.gateway,
            ) from None
        raise failed(
            "no SSH connection" if link is connection else f"no SSH connection to {who}",
            _cause(error),
            "is the host up, and sshd listening on that port?",
        ) from None


def _at_the_login(link: Any) -> bool:
    """Whether keys were exchanged, and the host's accepted, but nobody is logged in."""
    transport = link.client.get_transport()
    return transport is not None and transport.is_active() and not transport.is_authenticated()


def _passed_over(link: Any) -> str:
    return "".join(
        f"\n{name} (IdentityFile) cannot be read" for name in identities(link.ssh_config)[1]
    )


def _cause(error: BaseException) -> str:
    inner = getattr(error, "errors", None)
    if isinstance(inner, dict) and inner:
        return str(next(iter(inner.values())))
    return str(error) or type(error).__name__
