"""The image on this machine: built, or looked up."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.boundary import Refused
from edgepaas_tasks.settings import Build
from edgepaas_tasks.version import Version
from remote import local
from remote.errors import CommandFailed


@dataclass(frozen=True)
class Image:
    """`id` is the digest of its configuration, `layers` those of its layers from the lowest: the same everywhere.

    `size` in bytes.
    """

    reference: str
    id: str
    size: int = 0
    layers: tuple[str, ...] = ()


def build(
    settings: Build, name: str, version: Version, *, fresh: bool, say: Callable[[str], None]
) -> Image:
    """`docker build`, tagged and labelled with the version. Raises CommandFailed with the build's last lines."""
    reference = f"{name}:{version.text}"
    words = ["docker", "build", "--tag", reference]
    labels = {"version": version.text, "revision": version.commit}
    for key, value in labels.items():
        if value:
            words += ["--label", f"org.opencontainers.image.{key}={value}"]
    for key, value in sorted(settings.args.items()):
        words += ["--build-arg", f"{key}={value}"]
    if fresh or not settings.cache:
        words.append("--no-cache")
    environment = _environment()
    if environment.get("DOCKER_BUILDKIT") == "0":
        words.append("--force-rm")  # the classic builder leaves the container of a step that failed
    context = Path(settings.context)
    words += ["--file", str(context / settings.dockerfile), str(context)]
    try:
        local.stream(*words, on_line=say, timeout=settings.timeout, env=environment)
    except CommandFailed as error:
        raise CommandFailed(
            error.host,
            "docker build failed; no host was changed",
            code=error.code,
            tried=" ".join(words),
            got=error.got,
            next_step="mend the Dockerfile or what it needs, then deploy again",
        ) from None
    return find(reference)


def find(reference: str) -> Image:
    """The image of that name or id on this machine. Raises Refused when it is not here."""
    form = "{{.Id}} {{.Size}}{{range .RootFS.Layers}} {{.}}{{end}}"
    result = local.run("docker", "image", "inspect", "--format", form, reference, ok=(0, 1, 127))
    if result.code != 0:
        raise Refused(f"this machine has no image {reference}: {result.tail(2)}")
    identifier, size, *layers = result.text.split()
    return Image(reference, identifier, int(size), tuple(layers))


def named(reference: str, name: str, version: Version) -> Image:
    """The image of that name; one that is given by its id gets the name that a build would give it."""
    found = find(reference)
    if not found.id.removeprefix("sha256:").startswith(reference.removeprefix("sha256:")):
        return found
    tagged = f"{name}:{version.text}"
    local.run("docker", "tag", found.id, tagged)
    return find(tagged)


def require_engine() -> None:
    """Raises Refused when no Docker engine answers on this machine."""
    result = local.run("docker", "version", "--format", "{{.Server.Version}}", ok=(0, 1, 127))
    if result.code != 0:
        raise Refused(
            "this machine has no running Docker engine to build with\n"
            f"  got:   {result.tail(2)}\n"
            "  next:  start Docker (for the lab: inv lab.up does)"
        )


def _environment() -> dict[str, str]:
    """The client's environment: BuildKit where its plug-in is there, the classic builder otherwise."""
    environment = dict(os.environ)
    if local.run("docker", "buildx", "version", ok=(0, 1, 125, 127)).code != 0:
        environment["DOCKER_BUILDKIT"] = "0"
    return environment
