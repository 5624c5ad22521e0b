"""The lab's images, made once and kept: named by a hash of what they are made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from importlib.resources import files
from pathlib import Path

from edgepaas_tasks.lab.engine import Say
from edgepaas_tasks.lab.errors import LabError
from remote import local
from remote.errors import RemoteError

SUITE = "bookworm"
NAME = "edgepaas-lab"
PYTHON = f"{NAME}/python:3.11"
PULL = 5.0  # seconds to try a registry before the base is made here
BUILD = 600.0
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def ensure(say: Say) -> str:
    """The host image's name; the Python base image is there too. What is missing is made, side by side."""
    host = f"{NAME}/host:{_recipe('host.Dockerfile', 'lab-devices', 'lab-devices.service', 'lab-mounts')}"
    missing = [name for name in (host, PYTHON) if not _there(name)]
    if not missing:
        return host
    base = _base(say)
    errors: list[RemoteError] = []

    def make(name: str) -> None:
        try:
            if name != PYTHON or not _pull("python:3.11-slim", PYTHON):
                recipe = "python.Dockerfile" if name == PYTHON else "host.Dockerfile"
                say(f"making {name}")
                _build(name, recipe, base)
        except RemoteError as error:
            errors.append(error)

    threads = [threading.Thread(target=make, args=(name,)) for name in missing]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise LabError(f"a lab image could not be made\n{errors[0]}")
    return host


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
        # Throw-away systems: nothing is gained by waiting for the disk at every package.
        (root / "etc/dpkg/dpkg.cfg.d/lab").write_text("force-unsafe-io\n")
        for cached in (root / "var/cache/apt/archives").glob("*.deb"):
            cached.unlink()
        tar = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        done = subprocess.run(
            ["docker", "import", "-", name], stdin=tar.stdout, capture_output=True, text=True
        )
        if tar.wait() != 0 or done.returncode != 0:
            raise LabError(f"the base image could not be imported: {done.stderr.strip()}")
    return name


def _build(name: str, recipe: str, base: str) -> None:
    with tempfile.TemporaryDirectory(prefix="edgepaas-lab-") as folder:
        for item in files("edgepaas_tasks.lab").joinpath("image").iterdir():
            (Path(folder) / item.name).write_bytes(item.read_bytes())
        # A machine with a certificate authority of its own needs it in its hosts as well.
        bundle = BUNDLE.read_bytes() if BUNDLE.is_file() else b""
        (Path(folder) / "ca.crt").write_bytes(bundle)
        local.run(
            *("docker", "build", "-q", "-t", name, "--label", f"{NAME}=image"),
            *("--build-arg", f"BASE={base}", "-f", f"{folder}/{recipe}", folder),
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
