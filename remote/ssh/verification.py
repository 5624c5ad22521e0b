"""Whether a host is the one that it was: its key against the pinned ones, on the way to it as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import HostKeyChanged, HostKeyUnknown, Unreachable
from ..target import Target
from . import hostkeys
from .hostkeys import Key, known_name

# Which algorithms prove that a host has a key of a type (RFC 8332 for RSA).
ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


def known_hosts(connection: Any, target: Target) -> list[Path]:
    """The given file alone, else those of ~/.ssh/config, else OpenSSH's defaults; the first is where keys are added."""
    if target.known_hosts is not None:
        return [target.known_hosts.expanduser()]
    configured = str(connection.ssh_config.get("userknownhostsfile", "~/.ssh/known_hosts"))
    system = str(connection.ssh_config.get("globalknownhostsfile", "/etc/ssh/ssh_known_hosts"))
    return [Path(name).expanduser() for name in (configured + " " + system).split()]


def pinned_name(connection: Any) -> str:
    """The name under which a connection's host is pinned."""
    alias = connection.ssh_config.get("hostkeyalias")
    return str(alias).lower() if alias else known_name(connection.host, connection.port)


def verify(link: Any, target: Target, connection: Any, make: Callable[..., Any]) -> None:
    """Lets a connection's one verdict on a host's key be ours.

    paramiko's own knows one key a type, no @revoked and no patterns. It is asked to have the host prove a key of a
    type that is pinned. `make` makes its transport.
    """
    from paramiko import MissingHostKeyPolicy

    name = pinned_name(link)
    try:
        known = hostkeys.known(hostkeys.read(known_hosts(link, target)), name)
    except OSError as error:
        raise Unreachable(
            target.name, "the pinned host keys cannot be read", got=str(error)
        ) from None
    trusted = [pin.key for pin in known.trusted]
    revoked = {pin.key: pin.place for pin in known.revoked}
    authorities = ", ".join(pin.place for pin in known.authorities)
    who = "the host" if link is connection else f"the jump host {link.host}"
    where = f"ssh {link.user}@{link.host}:{link.port}"

    class Judge(MissingHostKeyPolicy):
        def missing_host_key(self, client: Any, hostname: str, shown: Any) -> None:
            key = key_of(shown)
            if key in revoked:
                raise HostKeyChanged(
                    target.name,
                    f"{who} shows a key that is revoked; nothing was sent",
                    tried=where,
                    got=f"{key}, revoked in {revoked[key]}",
                    next_step="find out why: somebody may be in between. If the key is right, remove that line",
                )
            if key in trusted:
                return
            if trusted:
                raise HostKeyChanged(
                    target.name,
                    f"{who} shows another key than the pinned one; nothing was sent",
                    tried=where,
                    got=f"{key}, pinned is {', '.join(map(str, trusted))}",
                    next_step="find out why: somebody may be in between. If the host was rebuilt, pin its new key:\n"
                    "inv hosts.trust --allow-replace, with --console, --from or --fingerprint as evidence",
                )
            whose = "its host key" if link is connection else f"the key of {who}"
            raise HostKeyUnknown(
                target.name,
                f"{whose} is not pinned, and certificates are not understood; nothing was sent"
                if authorities
                else f"{whose} is not known; nothing was sent",
                tried=where,
                got=f"{key}, and {hostkeys.AUTHORITY} in {authorities}"
                if authorities
                else str(key),
                next_step="pin its key: inv hosts.trust, with --console, --from or --fingerprint as evidence",
            )

    def transport(sock: Any, **arguments: Any) -> Any:
        made = make(sock, **arguments)
        options = made.get_security_options()
        first = [name for key in trusted for name in ALGORITHMS.get(key.type, (key.type,))]
        options.key_types = list(dict.fromkeys([*first, *options.key_types]))
        return made

    link.client.set_missing_host_key_policy(Judge())
    link.connect_kwargs = {
        "banner_timeout": target.connect_timeout,
        **link.connect_kwargs,
        "transport_factory": transport,
    }
    if link.connect_timeout is None:
        link.connect_timeout = int(target.connect_timeout)


def key_of(shown: Any) -> Key:
    return Key(shown.get_name(), shown.asbytes())
