"""The proxy: one file of ours in conf.d."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..command import Command, script
from ..layout import Layout

if TYPE_CHECKING:
    from jinja2 import Template

RELEASE_HEADER = "X-EdgePaaS-Release"
LONGEST_PREFIX = 24  # characters of a variable's name before what it means

# What a proxy may say of a visitor beside For, Proto and Host. Frameworks and servers read these too (RFC 7239,
# gunicorn's secure_scheme_headers, Werkzeug's ProxyFix), so nobody else may send them.
REPLACED = (
    *("Forwarded", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Protocol"),
    *("X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl"),
)


@dataclass(frozen=True)
class Site:
    """What our configuration file says: ports of both slots, and the public side.

    `allow` are the addresses and networks that see the app in maintenance; `retry_after`, in seconds, is what all
    others are told. With `buffer_requests` nginx takes the whole body of a request before it asks the app. What
    `trusted_proxies`, addresses and networks, say of the visitor is passed on. `header_buffer` is in KB. Probes are for
    `probe_host`, or a name of the site, and send `probe_headers` too.
    """

    layout: Layout
    app: str
    blue: int
    green: int
    listen: int
    server_name: str
    max_body: str
    read_timeout: int
    allow: tuple[str, ...] = ()
    retry_after: int = 300
    buffer_requests: bool = False
    trusted_proxies: tuple[str, ...] = ()
    header_buffer: int = 32
    probe_host: str = ""
    probe_headers: tuple[tuple[str, str], ...] = ()

    def port(self, slot: str) -> int:
        """The port of the host that leads to a slot."""
        return {"blue": self.blue, "green": self.green}[slot]

    @property
    def file_name(self) -> str:
        return f"edgepaas-{self.layout.service}.conf"

    @property
    def names(self) -> tuple[str, ...]:
        """The host names that this site answers to, as far as they are names and not patterns."""
        return tuple(one for one in self.server_name.split() if "*" not in one and one != "_")

    @property
    def probe_name(self) -> str:
        """The host name that probes are for."""
        return self.probe_host or (self.names[0] if self.names else "localhost")

    @property
    def headers(self) -> tuple[str, ...]:
        """What a probe of a slot sends, as nginx would for a visitor; a header a line."""
        usual = {
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Host": self.probe_name,
            "X-Real-IP": "127.0.0.1",
        }
        given = {name.lower() for name, _ in self.probe_headers}
        kept = [(name, value) for name, value in usual.items() if name.lower() not in given]
        return tuple(f"{name}: {value}" for name, value in (*kept, *self.probe_headers))

    @property
    def public_headers(self) -> tuple[str, ...]:
        """What a probe through nginx sends, which adds what it knows itself."""
        return tuple(f"{name}: {value}" for name, value in self.probe_headers)

    def render(self) -> str:
        return _template().render(
            service=self.layout.service,
            id=_variable_prefix(self.layout.service),
            live=self.layout.live,
            app=self.app,
            blue=self.blue,
            green=self.green,
            listen=self.listen,
            server_name=self.server_name,
            max_body=self.max_body,
            read_timeout=self.read_timeout,
            maintenance=self.layout.maintenance,
            allow=self.allow,
            retry_after=self.retry_after,
            buffer_requests=self.buffer_requests,
            trusted_proxies=self.trusted_proxies,
            replaced=REPLACED,
            header_buffer=self.header_buffer,
        )


def configure(site: Site) -> Command:
    """Tested, swapped, reloaded, restored on failure. Prints "same", "reloaded" or "started".

    One at a time on a host, leased or not. Exit 43: the live slot has another port than the site says.
    """
    command = script(
        "nginx-site",
        stdin=site.render().encode(),
        file_name=site.file_name,
        port=site.listen,
        host_name=site.probe_name,
        base=site.layout.base,
        blue=site.blue,
        green=site.green,
    )
    return command.as_root().within(120).called("configure nginx")


def disable_default() -> Command:
    return script("nginx-default").as_root().called("disable nginx's default site")


def allow(layout: Layout) -> Command:
    """Where SELinux enforces: lets nginx reach the app and read the flag. Prints a line for what it changed."""
    return script("selinux", layout.base).as_root().called("let nginx through SELinux")


def _variable_prefix(service: str) -> str:
    """What our variables begin with: nginx has one name space for those of all sites, without hyphens.

    Its table of variables takes names of about 45 characters, with the usual `variables_hash_bucket_size` of 64.
    """
    name = service.replace("-", "_")
    if len(name) <= LONGEST_PREFIX:
        return name
    return f"{name[: LONGEST_PREFIX - 9]}_{hashlib.sha256(service.encode()).hexdigest()[:8]}"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    text = Path(__file__).with_name("templates").joinpath("site.conf").read_text(encoding="utf-8")
    return Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(text)
