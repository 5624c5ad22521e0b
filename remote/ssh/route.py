"""The way to a host, as the settings and ssh's configuration have it: a connection for each hop, none of them open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import Unreachable
from ..target import Hop, Target, hops
from . import config as sshconfig
from .config import ConfigError

Seen = tuple[tuple[str, int], ...]


def route(target: Target) -> Any:
    """A Fabric connection to `target`; its gateway is one too, or a proxy command. Raises Unreachable."""
    try:
        return _Route(target).whole()
    except ConfigError as error:
        raise Unreachable(
            target.name,
            "ssh's configuration cannot be used",
            tried=error.place,
            got=error.problem,
            next_step=f"correct it; ssh -G {target.address} shows what OpenSSH makes of it",
        ) from None


def links(connection: Any) -> Iterator[Any]:
    """The connection, that which it goes through, and so on: a jump host is a connection too."""
    link = connection
    while link is not None and not isinstance(link, str):
        yield link
        link = link.gateway


class _Route:
    def __init__(self, target: Target) -> None:
        from fabric import Config

        self.target = target
        self.config = Config(ssh_config=sshconfig.load())

    def whole(self) -> Any:
        target = self.target
        gateway = target.proxy_command or self._over(hops(target.jump), (), ours=True)
        link = self._link(Hop(target.address, target.port, target.user), ours=True)
        return self._behind(link, gateway, ())

    def _over(self, way: Sequence[Hop], seen: Seen, *, ours: bool) -> Any:
        """The last of some hops, gone to over those before it; None without any, or where one leads back."""
        gateway = None
        for hop in way:
            link = self._link(hop, ours=ours)
            if (link.host, link.port) in seen:
                return None
            gateway = self._behind(link, gateway, seen)
        return gateway

    def _behind(self, link: Any, gateway: Any, seen: Seen) -> Any:
        link.gateway = gateway or self._configured(link, (*seen, (link.host, link.port)))
        return link

    def _configured(self, link: Any, seen: Seen) -> Any:
        """What ssh's configuration lets a host be reached through. Of two ways the first that is named counts."""
        for key, value in link.ssh_config.items():
            if key == "proxycommand":
                return value
            if key == "proxyjump":
                if value.lower() == "none":
                    return None
                with _understood(link.original_host):
                    way = hops(value)
                return self._over(way, seen, ours=False)
        return None

    def _link(self, hop: Hop, *, ours: bool) -> Any:
        """A connection to a hop, of the settings (`ours`) or of ssh's configuration alone."""
        from fabric import Connection

        target = self.target
        arguments: dict[str, Any] = {"banner_timeout": target.connect_timeout}
        keys = [str(target.key.expanduser())] if ours and target.key is not None else []
        if keys:
            arguments["look_for_keys"] = False
        with _understood(hop.address):
            link: Any = Connection(
                hop.address,
                user=hop.user,
                port=hop.port,
                config=self.config,
                gateway=False,  # else Fabric would look for one
                forward_agent=False,
                connect_timeout=int(target.connect_timeout),
                connect_kwargs=arguments,
            )
        if ours and hop.user is None and target.default_user and "user" not in link.ssh_config:
            link.user = target.default_user
        # paramiko ends the login at a key file that is not there; OpenSSH goes on to the next, and to the agent.
        there, _ = sshconfig.identities(link.ssh_config)
        link.connect_kwargs["key_filename"] = [*keys, *there]
        return link


@contextmanager
def _understood(address: str) -> Iterator[None]:
    """What paramiko and Fabric raise when they look a host up, as the one error for it."""
    from invoke.exceptions import Failure, ThreadException
    from paramiko import SSHException

    try:
        yield
    except (SSHException, ValueError, OSError, Failure, ThreadException) as error:
        first = next(iter(str(error).split("\n")), "")
        raise ConfigError(
            f"{sshconfig.USER} and {sshconfig.SYSTEM}, for {address}",
            f"{type(error).__name__}: {first}",
        ) from None
