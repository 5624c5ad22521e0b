"""What an operator asked for, settled as far as it can be without a host."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import secret_scan as leaks
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.images.shipping import login
from edgepaas_tasks.images.shipping import prebuilt as foreign
from edgepaas_tasks.release import migrations
from edgepaas_tasks.release.plan import Plan
from edgepaas_tasks.remote.background import in_background
from edgepaas_tasks.remote.cloud.aws import AwsError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service import nginx
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.settings import Build, Settings
from edgepaas_tasks.variables import environment


@dataclass(frozen=True)
class Request:
    """What an operator asked for. `image` deploys what somebody else built instead of building.

    `settled` hears the version and the values, before any host is touched; what it raises ends the deploy there.
    `planned` hears what is going to be done, under the lease; that costs a look at each host's variables.
    """

    version: str = ""
    image: str = ""
    fresh: bool = False
    pull: bool = False
    given: tuple[str, ...] = ()
    allow_destructive: bool = False
    allow_fallback: bool = False
    allow_older: bool = False
    settled: Callable[[str, Resolution], None] | None = None
    planned: Callable[[Plan], None] | None = None

    def build_settings(self, settings: Build) -> Build:
        """Those of the project, with what was asked for this once."""
        cache, pull = settings.cache and not self.fresh, settings.pull or self.pull
        return settings.model_copy(update={"cache": cache, "pull": pull})


def resolve(
    service: Service, progress: Progress, request: Request, hosts: Sequence[Host] = ()
) -> tuple[Version, Resolution]:
    """Everything that can be settled, and refused, without a host. Once nothing asked for is wrong, `hosts` connect."""
    settings = service.settings
    with progress.phase("resolve") as phase:
        values = environment.gather(settings, request.given)
        version, cautions = settle(settings, request, values)
        if not request.image:
            migrations.require(service, progress, allow_destructive=request.allow_destructive)
        if not settings.hooks.before:  # one that fails leaves no host with so much as a login
            for host in hosts:
                host.begin()
        in_background(
            lambda: nginx.configure(service.site)
        )  # the template is compiled while hosts answer
        image.require_engine()
        warned = f", {len(values.warnings)} warnings" if values.warnings else ""
        phase.outcome = f"version {version.text}, {len(values.values)} variables{warned}"
        for warning in (*values.warnings, *cautions):
            progress.note(str(warning))
    if request.settled is not None:
        request.settled(version.text, values)
    return version, values


def settle(
    settings: Settings, request: Request, values: Resolution
) -> tuple[Version, Sequence[str]]:
    """The version of this machine's files, or of somebody else's image, and warnings about what would be in it.

    Raises Refused where a secret would be in the image, or is part of the version.
    """
    cautions: Sequence[str] = ()
    if request.image:
        image.require_engine()
        version = foreign.settle(settings, request.image, request.version)
    else:
        version = versions.settle(settings.build, request.version, fresh=request.fresh)
        cautions = leaks.check(settings.build)
        if settings.production_like and (found := versions.uncommitted(version)):
            cautions = (*cautions, found)
    versions.require_public(version, _hidden(settings, values))
    return version, cautions


def settle_alone(settings: Settings, request: Request) -> tuple[Version, Sequence[str]]:
    """Like `settle` where no release is made: what there is of the secrets is enough."""
    try:
        return settle(settings, request, environment.collect(settings, ()))
    except AwsError as error:
        reachable = settings.model_copy(update={"ssm": None})
        version, cautions = settle(reachable, request, environment.collect(reachable, ()))
        told = str(error).partition("\n")[0]
        return version, (*cautions, f"the version is not compared with the secrets of SSM: {told}")


def _hidden(settings: Settings, values: Resolution) -> dict[str, str]:
    """Every secret that a deploy has to do with, by its name: the app's, the registry's, those of notices."""
    hidden = {name: one.text for name, one in values.values.items() if one.secret}
    if settings.image.username:
        hidden[settings.image.password] = login.password(settings)
    return hidden | {name: os.environ.get(name, "").strip() for name in settings.notify.secrets}
