"""The version of what is built: the commit, and a hash of the files where they differ from it.

It is settled before any secret is read, since GitHub empties every output that contains one.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from edgepaas_tasks.console.boundary import Refused
from edgepaas_tasks.images import context as contexts
from edgepaas_tasks.settings import Build, SettingsError
from remote import local

VARIABLE = "BUILD_VERSION"

# A Docker tag (distribution's reference grammar), shorter so that names stay readable.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Version:
    """`text` names the image's tag; `commit` is the full hash, empty outside a git checkout.

    `created` is the commit's time (RFC 3339), so that one commit is one image whenever it is built; empty where the
    files are not the commit's. `source` is the repository's address without a login.
    """

    text: str
    commit: str = ""
    created: str = ""
    source: str = ""


def settle(build: Build, asked: str, *, fresh: bool = False) -> Version:
    """The asked version, else BUILD_VERSION's, else one of our own.

    Of our own: six random hexadecimal digits where every layer is made anew, else the commit, else (changed files, no
    git) a hash of the files. Raises SettingsError for what is no tag.
    """
    folder = Path(build.context)
    commit = _git(folder, "rev-parse", "HEAD")
    context = contexts.read(build)
    dirty = bool(commit) and _differs(context, build.dockerfile)
    text = _given(asked) or _own(context, commit, dirty=dirty, fresh=fresh or not build.cache)
    created = _git(folder, "show", "-s", "--format=%cI", "HEAD") if commit and not dirty else ""
    return Version(text, commit, created, _source(folder) if commit else "")


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
            "later jobs would get an empty version; no host was touched\n"
            f"  next:  give another version (--version, {VARIABLE}), or make the secret longer"
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


def _own(context: contexts.Context, commit: str, *, dirty: bool, fresh: bool) -> str:
    if fresh:
        return secrets.token_hex(3)
    if not commit:
        return f"files-{context.hash()[:12]}"
    return f"{commit[:12]}-dirty-{context.hash()[:12]}" if dirty else commit[:12]


def _differs(context: contexts.Context, dockerfile: str) -> bool:
    """Whether what would be sent differs from the commit; a file that git ignores may be sent all the same."""
    prefix = _git(context.folder, "rev-parse", "--show-prefix")
    words = ("--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all")
    told = _git(context.folder, "status", *words, "--", ".").split("\0")
    changed = [entry[3:].removeprefix(prefix) for entry in told if entry]
    sent: list[str] | None = None
    for path in changed:
        if path.endswith("/"):  # a directory that git ignores as a whole
            sent = list(context.files()) if sent is None else sent
            if any(one.startswith(path) and "__pycache__" not in one.split("/") for one in sent):
                return True
        elif (
            path in (dockerfile, ".dockerignore")
            or "__pycache__" not in path.split("/")
            and context.sends(path)
        ):
            return True
    return False


def _source(folder: Path) -> str:
    address = _git(folder, "config", "--get", "remote.origin.url")
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _git(folder: Path, *words: str) -> str:
    result = local.run("git", "-C", str(folder), *words, ok=(0, 1, 127, 128))
    return result.text if result.code == 0 else ""
