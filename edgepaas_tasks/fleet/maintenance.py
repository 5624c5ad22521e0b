"""The maintenance page, put up and taken down on every host of a service."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt, on_each
from edgepaas_tasks.remote.service import maintenance, nginx
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.settings import Settings

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{app}</title>
<style>body {{ font: 1.2rem/1.5 system-ui, sans-serif; margin: 20vh auto; max-width: 30rem; padding: 0 1rem }}</style>
<h1>{app}</h1>
<p>Maintenance is under way. Please come back in a few minutes.</p>
</html>
"""
LARGEST = 2**20  # bytes of a page


@dataclass(frozen=True)
class Page:
    """One host: since when its page is up (epoch seconds, 0: it is not), or why that is unknown."""

    host: str
    since: int = 0
    reloaded: bool = False
    error: str = ""


def page_of(settings: Settings) -> bytes:
    """The page named in the settings, or a default one. Raises SettingsError if the file cannot be read."""
    path = settings.maintenance.page
    if not path:
        return PAGE.format(app=html.escape(settings.app)).encode()
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"edgepaas.maintenance.page: {path}: {error.strerror}") from None
    if len(text) > LARGEST:
        raise SettingsError(f"edgepaas.maintenance.page: {path} is larger than {LARGEST} bytes")
    return text


def switch(service: Service, hosts: Sequence[Host], *, on: bool) -> list[Page]:
    """Up or down on all hosts; nginx's site is written first where it is not as the settings say."""
    text = page_of(service.settings) if on else b""
    # Taking it down must not wait for anything, and needs no site of today's settings.
    first = (nginx.configure(service.site),) if on else ()

    def one(host: Host) -> Page:
        since = maintenance.since(service.layout)
        *site, _, told = host.change(
            *first,
            maintenance.switch(service.site, on=on, page=text),
            *since.commands,
        )
        return Page(
            host.name,
            since.parse([told]),
            reloaded=any(result.text != "same" for result in site),
        )

    return list(on_each(hosts, one).values())


def look(service: Service, hosts: Sequence[Host]) -> list[Page]:
    """Whether it is up; a host that does not answer is part of the answer."""

    def one(host: Host) -> Page:
        return Page(host.name, host.ask(maintenance.since(service.layout)))

    answers: Mapping[str, Page]
    answers, errors = attempt(hosts, one)
    return [
        answers.get(host.name) or Page(host.name, error=str(errors[host.name])) for host in hosts
    ]
