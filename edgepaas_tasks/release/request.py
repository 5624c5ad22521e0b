"""What an operator asked for, settled as far as it can be without a host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.console.boundary import Refused
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.images import foreign, image, leaks
from edgepaas_tasks.images import version as versions
from edgepaas_tasks.images.version import Version
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.targets.service import Service
from edgepaas_tasks.variables import environment
from env.layers import Resolution
from remote import nginx
from remote.background import ahead
from remote.host import Host


@dataclass(frozen=True)
class Request:
    """What an operator asked for. `image` deploys what somebody else built instead of building.

    `settled` hears the version and the values, before any host is touched; what it raises ends the deploy there.
    """

    version: str = ""
    image: str = ""
    fresh: bool = False
    pull: bool = False
    given: tuple[str, ...] = ()
    allow_destructive: bool = False
    allow_fallback: bool = False
    force_older: bool = False
    settled: Callable[[str, Resolution], None] | None = None


def resolve(
    service: Service, progress: Progress, request: Request, hosts: Sequence[Host] = ()
) -> tuple[Version, Resolution]:
    """Everything that can be settled, and refused, without a host. Once nothing asked for is wrong, `hosts` connect."""
    settings = service.settings
    with progress.phase("resolve") as phase:
        context = Path(settings.build.context)
        if not request.image and not (context / settings.build.dockerfile).is_file():
            raise Refused(f"build.context: there is no {context / settings.build.dockerfile}")
        version = settle(settings, request)
        values = environment.gather(settings, request.given)
        hidden = {name: one.text for name, one in values.values.items() if one.secret}
        versions.require_public(version, hidden)
        cautions = [] if request.image else leaks.check(settings.build)
        if not settings.hooks.before:  # one that fails leaves no host with so much as a login
            for host in hosts:
                host.begin()
        ahead(lambda: nginx.configure(service.site))  # the template is compiled while hosts answer
        image.require_engine()
        warned = f", {len(values.warnings)} warnings" if values.warnings else ""
        phase.outcome = f"version {version.text}, {len(values.values)} variables{warned}"
        for warning in (*values.warnings, *cautions):
            progress.note(str(warning))
    if request.settled is not None:
        request.settled(version.text, values)
    return version, values


def settle(settings: Settings, request: Request) -> Version:
    """The version of what was asked for: of this machine's files, or of somebody else's image."""
    if request.image:
        image.require_engine()
        return foreign.settle(settings, request.image, request.version)
    return versions.settle(settings.build, request.version, fresh=request.fresh)
