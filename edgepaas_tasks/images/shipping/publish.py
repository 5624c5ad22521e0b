"""An image in a registry that hosts pull from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image, names
from edgepaas_tasks.images.building import build
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping.login import logged_in, login
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.settings import Settings

PUSH = 1800.0  # seconds

# What a pull says of a tag or a repository that is not there: Docker Hub and others say "denied" of a repository that
# the first push makes. https://github.com/moby/moby/blob/master/daemon/internal/distribution/errors.go
_ABSENT = re.compile(
    r"not found|manifest unknown|name unknown|does not exist|denied: |access denied", re.I
)
_FOREIGN = re.compile("no matching manifest", re.I)


def publish(settings: Settings, here: Image) -> str:
    """Have the image in the registry; its name there with its digest, as hosts pull it. Raises CommandFailed.

    A tag never moves there either: where it names another image already, this one's gets a part of its digest.
    """
    if here.published:
        return here.published
    first = _target(settings, here.reference)
    try:
        with logged_in(login(settings, _pushing(settings))) as environment:
            for target in (first, f"{first}-{here.id.removeprefix('sha256:')[:8]}"):
                with _kept(here, target):
                    there = _pulled(target, environment)
                    if there is None:
                        local.run("docker", "tag", here.id, target)
                        words = ("docker", "push", "--quiet", target)
                        local.run(*words, timeout=PUSH, env=environment)
                    if there is None or there.id == here.id:
                        return _published(settings, target)
    except CommandFailed as error:
        problem = f"the image could not be pushed to {_pushing(settings)}; no host was changed"
        raise _refused(error, problem) from None
    raise Refused(f"{first} and {target} name other images in the registry; no host was changed")


def recall(settings: Settings, name: str, version: Version, inputs: str, kind: str) -> Image | None:
    """The image that the registry has under this version, under the name that a build here would give it.

    None where it has none, or one of other inputs or for another kind of machine. Raises CommandFailed.
    """
    target = _target(settings, f"{name}:{version.text}")
    try:
        with logged_in(login(settings, _pushing(settings))) as environment:
            there = _pulled(target, environment)
    except CommandFailed as error:
        problem = f"{_pushing(settings)} could not be asked for {target}; no host was changed"
        raise _refused(error, problem) from None
    if there is None or not there.id:
        return None
    try:
        if there.inputs != inputs or kind not in ("", there.architecture):
            return None
        published = _published(settings, target)
        return replace(build.named(there.id, name, version), published=published)
    finally:
        local.run("docker", "rmi", target, ok=(0, 1))


def _pulled(target: str, environment: Mapping[str, str]) -> Image | None:
    """What the registry has under that name; None when it has nothing, no id when it is for other machines only."""
    try:
        local.run("docker", "pull", "--quiet", target, timeout=PUSH, env=environment)
    except CommandFailed as error:
        # docker ends with 1 whatever went wrong; a registry that did not answer must not pass for an empty one.
        if _ABSENT.search(error.got):
            return None
        if _FOREIGN.search(error.got):
            return Image(target, "")
        raise
    return image.find(target)


@contextmanager
def _kept(here: Image, target: str) -> Iterator[None]:
    """The names of images on this machine are afterwards as they were."""
    try:
        yield
    finally:
        if names.familiar(target) == names.familiar(here.reference):
            local.run("docker", "tag", here.id, target, ok=(0, 1))
        else:
            local.run("docker", "rmi", target, ok=(0, 1))


def _published(settings: Settings, target: str) -> str:
    form = "{{range .RepoDigests}}{{println .}}{{end}}"
    told = local.run("docker", "image", "inspect", "--format", form, target).text.split()
    path = names.split(target)[0]
    for one in told:
        if names.familiar(one).startswith(f"{names.familiar(path)}@"):
            return f"{settings.image.server}/{path.rpartition('/')[2]}@{one.partition('@')[2]}"
    raise Refused(f"the engine does not say which digest {target} has")


def _pushing(settings: Settings) -> str:
    return settings.image.push_server or settings.image.server


def _target(settings: Settings, reference: str) -> str:
    """What an image of this machine is called in the registry, as this machine reaches it."""
    name, tag = names.split(reference)
    return f"{_pushing(settings)}/{name.rpartition('/')[2]}:{tag}"


def _refused(error: CommandFailed, problem: str) -> CommandFailed:
    return CommandFailed(
        error.host,
        problem,
        code=error.code,
        tried=error.tried,
        got=error.got,
        next_step="check image.server, image.username and the password, then deploy again",
    )


def fetch(settings: Settings, reference: str, platform: str = "") -> None:
    """Pull an image that somebody else built onto this machine. Raises CommandFailed."""
    server = settings.image.server
    ours = bool(server) and names.familiar(reference).startswith(f"{names.familiar(server)}/")
    words = ("--platform", platform) if platform else ()
    with logged_in(login(settings, server) if ours else None) as environment:
        words = ("docker", "pull", "--quiet", *words, reference)
        local.run(*words, timeout=PUSH, env=environment)
