"""Names of images, as people write them, as an engine lists them, and whom they ask to log in."""

from __future__ import annotations

# Docker Hub, whose names an engine shortens (distribution/reference, normalize.go).
HUB = ("docker.io", "index.docker.io")
_OFFICIAL = "library/"


def familiar(reference: str) -> str:
    """The name in the one form in which the engine lists it: shop, acme/shop, registry.example/acme/shop."""
    host, slash, path = reference.partition("/")
    if slash and host in HUB:
        reference = path
    short = reference.removeprefix(_OFFICIAL)
    return reference if "/" in short else short


def registry(server: str) -> str:
    """Whom `docker login` is to ask for host[:port][/path]."""
    host = server.partition("/")[0]
    return HUB[0] if host in HUB else host


def split(reference: str) -> tuple[str, str]:
    """The name without tag and digest, and its tag."""
    path, slash, last = reference.partition("@")[0].rpartition("/")
    name, _, tag = last.partition(":")
    return path + slash + name, tag or "latest"
