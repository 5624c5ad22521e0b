"""An image that somebody else built: on this machine, of the hosts' kind, under the version that it says it has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image, names
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping import publish as publication
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.settings import Settings

# https://specs.opencontainers.org/image-spec/annotations/
_VERSION, _REVISION = "org.opencontainers.image.version", "org.opencontainers.image.revision"
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_KINDS = ("amd64", "arm64")  # what images are mostly made for
_DIGITS = 12


def settle(settings: Settings, reference: str, asked: str) -> Version:
    """The asked version, else that of its label, else one of its digest; the commit is its label's.

    Neither this machine's checkout nor BUILD_VERSION, which names what is built from it, says anything of this image.
    Raises Refused where it cannot be had.
    """
    versions.require_tag(asked, "--version")
    if image.look(reference) is None:
        _fetch_any(settings, reference)
    found = _inspect(reference)
    labels = (found.get("Config") or {}).get("Labels") or {}
    said = re.sub(r"[^A-Za-z0-9_.-]+", "-", labels.get(_VERSION, "")).lstrip("-.")[:64]
    commit = labels.get(_REVISION, "")
    text = asked or said or f"image-{_digest(found, reference)[:_DIGITS]}"
    return Version(text, commit if _COMMIT.fullmatch(commit) else "")


def bring(settings: Settings, reference: str, machines: Mapping[str, str]) -> Image:
    """The image for hosts of those machines (uname -m). Raises Refused where it cannot be had for them."""
    kind = image.kind(machines)
    found = image.find(reference)
    if kind in ("", found.architecture):
        return found
    try:
        publication.fetch(settings, reference, f"linux/{kind}")
        if image.find(reference).architecture != kind:
            # containerd's store keeps several kinds under one name, and shows its own.
            local.run("docker", "rmi", reference, ok=(0, 1))
            publication.fetch(settings, reference, f"linux/{kind}")
    except CommandFailed as error:
        raise Refused(
            f"{reference} is for {found.architecture} here, and cannot be pulled for linux/{kind} "
            f"({image.named(machines)}); nothing was changed",
            got=error.got,
            next_step=f"have it built for linux/{kind} too",
        ) from None
    return image.find(reference)


def _fetch_any(settings: Settings, reference: str) -> None:
    """For this machine, else for any other platform: its labels are the same."""
    try:
        publication.fetch(settings, reference)
    except CommandFailed as error:
        for kind in _KINDS:
            with suppress(CommandFailed):
                return publication.fetch(settings, reference, f"linux/{kind}")
        raise Refused(
            f"this machine has no image {reference}, and it cannot be pulled", got=error.got
        ) from None


def _inspect(reference: str) -> dict[str, Any]:
    done = local.run("docker", "image", "inspect", reference, ok=(0, 1, 127))
    found: list[dict[str, Any]] = json.loads(done.text) if done.code == 0 else []
    return found[0] if found else {}


def _digest(found: Mapping[str, Any], reference: str) -> str:
    """The hexadecimal digits of what the registry calls it, which are the same for all its kinds; else of its id."""
    path = names.familiar(names.split(reference)[0])
    for one in found.get("RepoDigests") or ():
        name, _, digest = one.partition("@")
        if names.familiar(name) == path:
            return str(digest).partition(":")[2]
    return str(found.get("Id", "")).partition(":")[2]
