"""The proxy: one file of ours in conf.d."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..command import Command, script
from ..layout import Layout

if TYPE_CHECKING:
    from jinja2 import Template

RELEASE_HEADER = "X-EdgePaaS-Release"


@dataclass(frozen=True)
class Site:
    """What our configuration file says: ports of both slots, and the public side.

    `allow` are the addresses and networks that see the app in maintenance; `retry_after`, in seconds, is what all
    others are told. With `buffer_requests` nginx takes the whole body of a request before it asks the app.
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
        """A host name that this site answers to."""
        return self.names[0] if self.names else "localhost"

    def render(self) -> str:
        return _template().render(
            service=self.layout.service,
            # Variables of all sites share one name space, and nginx takes no hyphen in them.
            id=self.layout.service.replace("-", "_"),
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


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    text = Path(__file__).with_name("templates").joinpath("site.conf").read_text(encoding="utf-8")
    return Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(text)
