"""The version of what is built: the commit, and a hash of the files where they differ from it.

It is settled before any secret is read, since GitHub empties every output that contains one.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.images.building import checkout as checkouts
from edgepaas_tasks.images.building import context as contexts
from edgepaas_tasks.images.building import fingerprint
from edgepaas_tasks.images.building import mtimes as stamps
from edgepaas_tasks.images.building.checkout import Checkout
from edgepaas_tasks.images.building.mtimes import Stamps
from edgepaas_tasks.settings import Build

VARIABLE = "BUILD_VERSION"
SHOWN = 5  # files that are named in a message

# A Docker tag (distribution's reference grammar), shorter so that names stay readable.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Version:
    """`text` names the image's tag; `commit` is the full hash, empty outside a git checkout.

    `created` is the commit's time (RFC 3339), so that one commit is one image whenever it is built; empty where the
    files are not the commit's. `source` is the repository's address without a login. `own` is what the files would be
    called if nothing were asked for, and `stamps` are theirs, both for `require_same`.
    """

    text: str
    commit: str = ""
    created: str = ""
    source: str = ""
    own: str = field(default="", compare=False)
    stamps: Stamps = field(default_factory=dict, compare=False, repr=False)


def settle(build: Build, asked: str, *, fresh: bool = False) -> Version:
    """The asked version, else BUILD_VERSION's, else one of our own.

    Of our own: six random hexadecimal digits where every layer is made anew, else the commit, else (changed files, no
    git) a hash of the files. Raises SettingsError for what is no tag, CommandFailed where there is a repository and git
    does not answer.
    """
    context = contexts.read(build)
    before = stamps.of(context)
    found = checkouts.find(context.folder)
    dirty = found is not None and _differs(found, context)
    commit = found.commit if found else ""
    own = _own(context, build, commit, dirty=dirty)
    text = _given(asked) or (secrets.token_hex(3) if fresh or not build.cache else own)
    if found is None:
        return Version(text, own=own, stamps=before)
    created = "" if dirty else found.created()
    return Version(text, commit, created, _without_login(found.source()), own, before)


def require_same(build: Build, version: Version) -> None:
    """Refuses files that are not those any more for which the version was settled; reads none that is as it was."""
    context = contexts.read(build)
    found = checkouts.find(context.folder)
    there = stamps.of(context)
    if (found.commit if found else "", there) == (version.commit, version.stamps):
        return
    now = settle(build, version.text)
    if (now.own, now.commit) != (version.own, version.commit):
        raise changed(
            f"they are {now.own}, and were {version.own}", stamps.changed(version.stamps, there)
        )


def changed(how: str, names: Sequence[str]) -> Refused:
    """The error for files of a build that did not stay as they were; `names` are those that differ."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    which = f" ({', '.join(contexts.shown(name) for name in names[:SHOWN])}{more})" if names else ""
    return Refused(
        f"the files changed meanwhile{which}: {how}; no host was changed",
        next_step="deploy again; a file that is written all the time, such as a log, is no part of the build: add it "
        "to .dockerignore",
    )


def uncommitted(version: Version) -> str:
    """A warning about files that are no commit's; "" where they are one's, or there is no repository."""
    if not version.commit or version.created:
        return ""
    return (
        f"the files are not those of commit {version.commit[:12]}: what is not committed would be deployed too, "
        "and nobody could build it again"
    )


def publish(version: Version) -> None:
    """Hand the version on to later steps and jobs, where this is GitHub Actions."""
    for variable, line in (
        ("GITHUB_ENV", f"{VARIABLE}={version.text}\n"),
        ("GITHUB_OUTPUT", f"build_version={version.text}\n"),
    ):
        if path := os.environ.get(variable):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(line)


def require_public(version: Version, hidden: Mapping[str, str]) -> None:
    """Refuses a version that contains a secret; `hidden` are the secrets by name."""
    names = sorted(name for name, secret in hidden.items() if secret and secret in version.text)
    if names:
        raise Refused(
            f"the version contains the value of {', '.join(names)}, which is secret: GitHub would mask it, and "
            "later jobs would get an empty version; no host was touched",
            next_step=f"give another version (--version, {VARIABLE}), or make the secret longer",
        )


def require_tag(given: str, name: str) -> None:
    """Raises SettingsError for a given version that is no tag; `name` is where it was given."""
    if given and not _TAG.fullmatch(given):
        raise SettingsError(
            f"{name} {given!r}: at most 64 letters, digits, dots, hyphens and underscores, "
            "no dot or hyphen first"
        )


def _given(asked: str) -> str:
    given, name = (asked, "--version") if asked else (os.environ.get(VARIABLE, ""), VARIABLE)
    if not given and VARIABLE in os.environ and os.environ.get("GITHUB_ACTIONS") == "true":
        raise SettingsError(
            f"{VARIABLE} is set and empty: the job that settled it did not hand it on "
            "(GitHub empties an output that contains a secret)"
        )
    require_tag(given, name)
    return given


def _own(context: contexts.Context, build: Build, commit: str, *, dirty: bool) -> str:
    if commit and not dirty:
        return commit[:12]
    digits = fingerprint.of_sources(context, build)[:12]
    return f"{commit[:12]}-dirty-{digits}" if commit else f"files-{digits}"


def _differs(found: Checkout, context: contexts.Context) -> bool:
    """Whether what would be sent differs from the commit; a file that git ignores may be sent all the same."""
    below = os.path.relpath(os.path.realpath(context.folder), found.top) + "/"
    below = below.removeprefix("./")
    steering = set()
    for place in _steering(context):
        path = os.path.relpath(place, found.top)
        if path.split("/")[0] != "..":
            steering.add(path)
        elif os.path.lexists(place):
            return True  # it is outside the repository

    def matters(path: str) -> bool:
        path = path.rstrip("/")
        if any(one == path or one.startswith(f"{path}/") for one in steering):
            return True
        if below.startswith(f"{path}/"):  # the whole context, or what it is in
            return context.has_sources("")
        return path.startswith(below) and context.has_sources(path.removeprefix(below))

    everywhere = not all(one.startswith(below) for one in steering)
    return found.differs(matters, everywhere=everywhere)


def _steering(context: contexts.Context) -> Iterator[str]:
    """What decides on the build besides what is sent, with what a symbolic link there leads to."""
    own = Path(f"{context.dockerfile}.dockerignore")
    for path in (context.dockerfile, own, context.folder / ".dockerignore"):
        yield os.path.join(os.path.realpath(path.parent), path.name)
        yield os.path.realpath(path)


def _without_login(address: str) -> str:
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
