"""The image of a release: built here, found in the registry, or somebody else's."""

from __future__ import annotations

from collections.abc import Mapping

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import build
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping import prebuilt as foreign
from edgepaas_tasks.images.shipping import publish as publication
from edgepaas_tasks.release.request import Request
from edgepaas_tasks.service.service import Service


def obtain_image(
    service: Service,
    progress: Progress,
    version: Version,
    request: Request,
    machines: Mapping[str, str],
) -> Image:
    """The image that was asked for: built for the hosts' `machines` (uname -m), or somebody else's."""
    settings = service.settings
    name = settings.image_name
    if request.image:
        foreign.bring(settings, request.image, machines)
        if foreign.settle(settings, request.image, request.version) != version:
            raise Refused(
                f"{request.image} names another image meanwhile, not {version.text} any more; nothing was changed",
                next_step="deploy again",
            )
        return build.named(request.image, name, version)

    def recall(inputs: str) -> Image | None:
        # Of a commit as it is: nobody else has this machine's changes.
        if settings.image.transport != "registry" or not version.created:
            return None
        return publication.recall(settings, name, version, inputs, image.kind(machines))

    return build.build(
        request.build_settings(settings.build),
        name,
        version,
        platform=image.platform(machines),
        say=lambda line: progress.step("docker", line),
        recall=recall,
    )


def found(built: Image) -> str:
    """Progress suffix for an image that was not built."""
    return ", not built: the registry has it" if built.published else ""
