"""An image built on this machine, under a tag that names it for ever."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import context as contexts
from edgepaas_tasks.images.building import fingerprint
from edgepaas_tasks.images.building import mtimes as stamps
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.machine.docker import INPUTS, OWNER
from edgepaas_tasks.settings import Build

FIRST = 5  # lines with errors that are shown beside the last lines of a build
_ERROR = re.compile(r"(?i)\b(error|fatal|traceback|no such file|not found|could not|cannot)\b")


def build(
    settings: Build,
    name: str,
    version: Version,
    *,
    platform: str = "",
    say: Callable[[str], None] = lambda line: None,
    recall: Callable[[str], Image | None] = lambda inputs: None,
) -> Image:
    """The image of the build context, tagged and labelled with the version.

    What was built before from the same files, arguments and version is not built again, unless the settings ask for
    every layer anew (`cache: false`) or for a newer base (`pull: true`); `recall` finds what somebody else built of the
    same inputs. A tag never moves: where it names another image already, the new one's tag gets a part of its digest.
    Raises CommandFailed with the build's last lines, Refused where the files are not those of the version any more,
    before or after.
    """
    before = stamps.of(contexts.read(settings))
    inputs = _inputs(settings, version, platform)
    versions.require_same(settings, version)
    if settings.cache and not settings.pull:
        there = recall(inputs) or _made_before(name, version, inputs)
        if there is not None:
            say("it is built already")
            return there
    under_way = f"{name}:building-{secrets.token_hex(6)}"
    _run_build(settings, under_way, _labels(name, version, inputs), platform, say)
    try:
        names = stamps.changed(before, stamps.of(contexts.read(settings)))
        if names and _inputs(settings, version, platform) != inputs:
            raise versions.changed(f"{version.text} was being built", names)
        built = _tagged(image.find(under_way), name, version)
    finally:
        local.run("docker", "rmi", under_way, ok=(0, 1))
    if settings.cache_size:
        prune(settings, name)
    return built


def _run_build(
    settings: Build,
    tag: str,
    labels: Mapping[str, str],
    platform: str,
    say: Callable[[str], None],
) -> None:
    """`docker build`, with its lines as they come. Raises CommandFailed."""
    environment = image.buildkit()
    words = ["docker", "build", "--tag", tag]
    for key, value in labels.items():
        words += ["--label", f"{key}={value}"]
    for key, value in sorted(settings.args.items()):
        words += ["--build-arg", f"{key}={value}"]
    words += [] if settings.cache else ["--no-cache"]
    words += ["--pull"] if settings.pull else []
    words += ["--platform", platform] if platform else []
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
            got="\n".join([*_first_errors(error.log, error.got), error.got]),
            log=error.log,
            next_step="fix the Dockerfile or what it needs, then deploy again",
        ) from None


def _first_errors(log: str, shown: str) -> list[str]:
    """The lines that first say what went wrong: a compiler's come long before the end, which says that pip failed."""
    lines = [line for line in log.splitlines() if _ERROR.search(line) and line not in shown]
    first = list(dict.fromkeys(lines))[:FIRST]
    return [*first, "..."] if first else []


def prune(settings: Build, name: str) -> list[str]:
    """Remove what builds of this image left on this machine and no tag names; a line for each removed thing.

    With BuildKit and `build.cache_size`, its cache is cut down to that size too.
    """
    ours = ("--filter", f"label={OWNER}={name}")
    told = local.run(
        *("docker", "image", "prune", "--force", "--filter", "dangling=true", *ours),
        timeout=settings.timeout,
        ok=(0, 1),
    ).text.splitlines()
    if settings.cache_size and image.buildkit().get("DOCKER_BUILDKIT") != "0":
        words = ("docker", "builder", "prune", "--force", "--keep-storage", settings.cache_size)
        local.run(*words, timeout=settings.timeout, ok=(0, 1), env=image.buildkit())
    return [f"removed {line.partition(' ')[2]}" for line in told if line.startswith("deleted:")]


def named(reference: str, name: str, version: Version) -> Image:
    """The image of that name; one that is given by a digest gets the name that a build would give it."""
    found = image.find(reference)
    digits = reference.removeprefix("sha256:")
    if "@" not in reference and not found.id.removeprefix("sha256:").startswith(digits):
        return found
    return _tagged(found, name, version)


def _tagged(found: Image, name: str, version: Version) -> Image:
    """The image under a tag that names it for ever: the version, and a part of its digest where that is taken."""
    reference = f"{name}:{version.text}"
    there = image.look(reference)
    if there is not None and there.id != found.id:
        reference += f"-{found.id.removeprefix('sha256:')[:8]}"
    local.run("docker", "tag", found.id, reference)
    return image.find(reference)


def _labels(name: str, version: Version, inputs: str) -> Mapping[str, str]:
    """https://specs.opencontainers.org/image-spec/annotations/ and ours."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    labels = {
        "org.opencontainers.image.version": version.text,
        "org.opencontainers.image.revision": version.commit,
        "org.opencontainers.image.created": version.created or now,
        "org.opencontainers.image.source": version.source,
        OWNER: name,
        INPUTS: inputs,
    }
    return {key: value for key, value in labels.items() if value}


def _inputs(settings: Build, version: Version, platform: str) -> str:
    """A digest of all that an image is made from, and is labelled with."""
    kind = platform or os.environ.get("DOCKER_DEFAULT_PLATFORM", "")
    labels = (version.text, version.commit, version.source)
    return fingerprint.of_image(contexts.read(settings), settings, *labels, kind)[:16]


def _made_before(name: str, version: Version, inputs: str) -> Image | None:
    """The image of this version and these inputs; its tag may have a part of its digest."""
    reference = f"{name}:{version.text}"
    there = image.look(reference)
    if there is None or there.inputs == inputs:
        return there
    named = ("--filter", f"reference={reference}-*", "--filter", f"label={INPUTS}={inputs}")
    words = ("docker", "images", *named, "--format", "{{.Repository}}:{{.Tag}}")
    found = local.run(*words).text.split()
    return image.look(found[0]) if found else None
