"""A Docker engine on this machine: found, or installed where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import RemoteError

LOG = Path("/var/log/edgepaas-dockerd.log")
PACKAGES = ("docker.io", "iptables")
START = 60.0  # seconds that a starting engine may take

Say = Callable[[str], None]


def ensure(say: Say) -> bool:
    """A working engine; True when it was installed by this call. Raises LabError with what to do instead."""
    if works():
        return False
    installed = shutil.which("dockerd") is None
    if installed:
        _install(say)
    _start(say)
    return installed


def works() -> bool:
    return (
        local.run("docker", "version", "--format", "{{.Server.Version}}", ok=(0, 1, 127)).code == 0
    )


def _install(say: Say) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LabError(
            "this machine has no Docker engine, and installing one needs root on a Debian-like system",
            next_step="install and start Docker, then run this again",
        )
    say(f"no Docker engine here: installing {' and '.join(PACKAGES)} with apt-get")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    words = ("apt-get", "install", "-y", "-qq", "--no-install-recommends")
    try:
        local.run("apt-get", "-qq", "update", timeout=300, env=environment)
        local.run(*words, *PACKAGES, timeout=600, env=environment)
    except RemoteError as error:
        raise LabError(f"Docker could not be installed\n{error}") from None


def _start(say: Say) -> None:
    if os.geteuid() != 0:
        raise LabError(
            "Docker is installed but does not answer, and starting it needs root",
            next_step="start it (systemctl start docker), or join the docker group",
        )
    say("starting the Docker engine")
    if Path("/run/systemd/system").is_dir():
        local.run("systemctl", "start", "docker", timeout=START)
    else:
        _start_detached()
    deadline = time.monotonic() + START
    while not works():
        if time.monotonic() > deadline:
            raise LabError(f"the Docker engine did not start within {START:.0f} s, see {LOG}")
        time.sleep(0.3)


def _start_detached() -> None:
    """Without systemd as the first process: a daemon of its own session, that outlives this program."""
    for stale in (Path("/var/run/docker.pid"), Path("/run/docker/containerd/containerd.pid")):
        # No process survives a restart of such a machine, the files may; the engine refuses to start beside them.
        if stale.is_file() and not _alive(stale):
            stale.unlink()
    with LOG.open("ab") as log:
        subprocess.Popen(
            ["dockerd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _alive(pid_file: Path) -> bool:
    text = pid_file.read_text().strip()
    command = Path("/proc") / text / "comm"
    return (
        text.isdigit() and command.is_file() and command.read_text().startswith(("docker", "cont"))
    )
