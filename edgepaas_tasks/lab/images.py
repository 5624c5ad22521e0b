"""The lab's images, made once and kept: named by a hash of what they are made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.lab.alone import alone
from edgepaas_tasks.lab.engine import Say
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import RemoteError

SUITE = "bookworm"
NAME = "edgepaas-lab"
PYTHON = f"{NAME}/python:3.11"
PULL = 5.0  # seconds to try a registry before the base is made here
BUILD = 600.0
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


# What each system is made of: its recipe's own arguments, or none for Debian, which the others are built on, and for
# `prepared`, which is Debian with Docker and nginx there already.
SYSTEMS: Mapping[str, Mapping[str, str]] = {
    "debian": {},
    "centos": {"ID": "centos", "VERSION": "9", "LIKE": "rhel fedora", "NAME": "CentOS Stream"},
    "amazon": {"ID": "amzn", "VERSION": "2023", "LIKE": "fedora", "NAME": "Amazon Linux"},
    "prepared": {},
}
_HOST = ("debian.Dockerfile", "lab-devices", "lab-devices.service", "lab-mounts")
_PACKAGES = ("packages.Dockerfile", "packages")
_POSTGRES = ("postgres.Dockerfile", "postgres-start")
_REGISTRY = ("registry.Dockerfile", "registry-start")


def host(system: str) -> str:
    """The name of the image of a system's hosts."""
    parts = _HOST if system == "debian" else (*_HOST, f"{_family(system)}.Dockerfile")
    if needs_packages(system):
        parts = (*parts, *_PACKAGES)
    return f"{NAME}/{system}:{_recipe(*parts)}"


def needs_packages(system: str) -> bool:
    """Whether hosts of this system install from the lab's package server."""
    return bool(SYSTEMS[system])


def _family(system: str) -> str:
    return "dnf" if needs_packages(system) else system


def packages() -> str:
    """The name of the package server's image."""
    return f"{NAME}/packages:{_recipe(*_PACKAGES)}"


def postgres() -> str:
    """The name of the database server's image."""
    return f"{NAME}/postgres:{_recipe(*_POSTGRES)}"


def registry() -> str:
    """The name of the registry's image."""
    return f"{NAME}/registry:{_recipe(*_REGISTRY)}"


def ensure(
    system: str,
    say: Say,
    *,
    with_packages: bool = False,
    with_postgres: bool = False,
    with_registry: bool = False,
) -> None:
    """The images of a system's hosts, of Python apps, and of the servers that are wanted, are there.

    What is missing is made, side by side where nothing depends on another.
    """
    with_packages = with_packages or needs_packages(system)
    wanted = {host("debian"): "debian", PYTHON: "python"}
    if with_packages:
        wanted[packages()] = "packages"
    if with_postgres:
        wanted[postgres()] = "postgres"
    if with_registry:
        wanted[registry()] = "registry"
    missing = {name: recipe for name, recipe in wanted.items() if not _there(name)}
    if missing:
        with alone("base image"):
            base = _base(say)
        _make_all({name: (recipe, {"BASE": base}) for name, recipe in missing.items()}, say)
    if not _there(host(system)):
        arguments = {"HOST": host("debian"), **SYSTEMS[system]}
        if needs_packages(system):
            arguments["PACKAGES"] = packages()
        _make_all({host(system): (_family(system), arguments)}, say)


def _make_all(wanted: Mapping[str, tuple[str, Mapping[str, str]]], say: Say) -> None:
    errors: list[RemoteError] = []

    def make(name: str, recipe: str, arguments: Mapping[str, str]) -> None:
        try:
            with alone(name):
                if _there(name):
                    return  # somebody else made it meanwhile
                if name != PYTHON or not _pull("python:3.11-slim", PYTHON):
                    say(f"making {name}")
                    _build(name, recipe, arguments)
        except RemoteError as error:
            errors.append(error)

    threads = [
        threading.Thread(target=make, args=(name, *how), daemon=True)
        for name, how in wanted.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise LabError(f"a lab image could not be made\n{errors[0]}")


def remove() -> list[str]:
    """Removes the cached images; their names."""
    found = local.run(
        *("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter"),
        f"reference={NAME}/*",
    ).text.split()
    for name in found:
        local.run("docker", "rmi", name, ok=(0, 1))
    return found


def _base(say: Say) -> str:
    name = f"{NAME}/base:{SUITE}"
    if _there(name) or _pull(f"debian:{SUITE}-slim", name):
        return name
    if shutil.which("debootstrap") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise LabError(
                f"no image registry can be reached, and making debian:{SUITE} here needs debootstrap"
            )
        local.run(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap", timeout=300
        )
    say("no image registry can be reached: making the base image with debootstrap")
    with tempfile.TemporaryDirectory(prefix="edgepaas-lab-") as folder:
        root = Path(folder) / "root"
        local.run("debootstrap", "--variant=minbase", SUITE, str(root), timeout=BUILD)
        # Throw-away systems: nothing is gained by waiting for the disk at every package, and nobody reads there.
        unread = ("doc", "man", "locale")
        settings = ["force-unsafe-io", *(f"path-exclude /usr/share/{name}/*" for name in unread)]
        (root / "etc/dpkg/dpkg.cfg.d/lab").write_text("\n".join(settings) + "\n")
        for name in unread:
            shutil.rmtree(root / "usr/share" / name)
            (root / "usr/share" / name).mkdir()
        for cached in (root / "var/cache/apt/archives").glob("*.deb"):
            cached.unlink()
        tar = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        done = subprocess.run(
            ["docker", "import", "-", name], stdin=tar.stdout, capture_output=True, text=True
        )
        if tar.wait() != 0 or done.returncode != 0:
            raise LabError(f"the base image could not be imported: {done.stderr.strip()}")
    return name


def _build(name: str, recipe: str, arguments: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="edgepaas-lab-") as folder:
        for item in files("edgepaas_tasks.lab").joinpath("image").iterdir():
            (Path(folder) / item.name).write_bytes(item.read_bytes())
        # A machine with a certificate authority of its own needs it in its hosts as well.
        bundle = BUNDLE.read_bytes() if BUNDLE.is_file() else b""
        (Path(folder) / "ca.crt").write_bytes(bundle)
        local.run(
            *("docker", "build", "-q", "-t", name, "--label", f"{NAME}=image"),
            *(word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))),
            *("-f", f"{folder}/{recipe}.Dockerfile", folder),
            timeout=BUILD,
            env=dict(os.environ, DOCKER_BUILDKIT="0"),
        )


def _recipe(*names: str) -> str:
    folder = files("edgepaas_tasks.lab").joinpath("image")
    digest = hashlib.sha256()
    for name in names:
        digest.update(folder.joinpath(name).read_bytes())
    if BUNDLE.is_file():
        digest.update(BUNDLE.read_bytes())
    return digest.hexdigest()[:12]


def _there(name: str) -> bool:
    return local.run("docker", "image", "inspect", name, ok=(0, 1)).code == 0


def _pull(name: str, wanted: str) -> bool:
    try:
        if local.run("docker", "pull", "-q", name, timeout=PULL, ok=(0, 1)).code != 0:
            return False
    except RemoteError:
        return False
    return local.run("docker", "tag", name, wanted, ok=(0, 1)).code == 0
