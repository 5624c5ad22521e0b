"""Secrets on their way into an image: what the build context has that a Dockerfile would copy."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images.building import context as contexts
from edgepaas_tasks.images.building import patterns
from edgepaas_tasks.settings import Build

SHOWN = 5  # files of each kind

_EXAMPLES = ("*.example", "*.sample", "*.template", "*.dist")
_NAMES = (".env", ".env.*", ".netrc", ".pgpass", ".pypirc", "id_rsa", "id_ecdsa", "id_ed25519")
_FOLDERS = (".ssh", ".aws", ".gnupg")
_KEYS = ("*.pem", "*.key")
_KEY = b"PRIVATE KEY-----"  # RFC 7468; a certificate has none
_BEGINNING = 65536  # bytes of a file that are looked at


def check(build: Build) -> list[str]:
    """Warnings about what the context has and .dockerignore does not hold back.

    Raises Refused when a secret of it would be in the image.
    """
    context = contexts.read(build)
    copies = list(_copies(context.instructions().decode("utf-8-sig", "surrogateescape")))
    sent = list(context.files())
    secret = [path for path in sent if _secret(context.folder, path)]
    copied = [path for path in secret if any(_takes(source, path) for source in copies)]
    if copied:
        raise Refused(
            f"the image would have secrets in it: {_shown(copied)}; nothing was built",
            next_step=f"add them to {context.ignore}; variables reach the app without a file",
        )
    warnings = []
    if secret:
        warnings.append(f"the build context has secrets ({_shown(secret)}): .dockerignore them")
    if any(path == ".git" or path.startswith(".git/") for path in sent):
        place = "image" if any(_takes(source, ".git") for source in copies) else "build context"
        warnings.append(f"the {place} gets .git with all its history: .dockerignore it")
    return warnings


def _shown(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(map(contexts.shown, paths[:SHOWN])) + more


def _secret(folder: Path, path: str) -> bool:
    *above, name = PurePosixPath(path).parts
    if any(fnmatchcase(name, one) for one in _EXAMPLES) or name.endswith(".pub"):
        return False
    if any(one in _FOLDERS for one in above) or any(fnmatchcase(name, one) for one in _NAMES):
        return True
    if not any(fnmatchcase(name, one) for one in _KEYS) or not (folder / path).is_file():
        return False
    with (folder / path).open("rb") as file:
        return _KEY in file.read(_BEGINNING)


def _copies(dockerfile: str) -> Iterator[str]:
    """The sources of COPY and ADD in the last stage, and in those that it is built on."""
    stages: list[tuple[str, str, list[str]]] = []  # its base, its name, what it copies
    for line in re.sub(r"\\[ \t]*\n", " ", dockerfile).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() == "FROM":
            parts = [one for one in rest.split() if not one.startswith("--")]
            name = parts[2] if len(parts) > 2 and parts[1].upper() == "AS" else str(len(stages))
            stages.append((parts[0] if parts else "", name, []))
        elif word.upper() in ("COPY", "ADD") and stages and "--from=" not in rest:
            stages[-1][2].extend(_sources(rest))
    wanted = stages[-1][1] if stages else ""
    for base, name, copies in reversed(stages):
        if name == wanted:
            yield from copies
            wanted = base


def _sources(words: str) -> list[str]:
    words = re.sub(r"^(\s*--\S+)+", "", words).strip()
    try:
        parts = json.loads(words) if words.startswith("[") else shlex.split(words)
    except ValueError:
        parts = words.split()
    return [str(one) for one in parts[:-1]]


def _takes(source: str, path: str) -> bool:
    """Whether a source of COPY is the path, or a directory above it."""
    source = source.strip().removeprefix("./").strip("/")
    if source in ("", "."):
        return True
    parts = path.split("/")
    pattern = patterns.expression(source)
    return any(re.fullmatch(pattern, "/".join(parts[:end])) for end in range(1, len(parts) + 1))
