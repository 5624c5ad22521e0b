"""A user's project with a lab host of its own: set up, with a first release live."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.tools import ROOT, Run, timed
from edgepaas_tasks.lab import images, lifecycle
from edgepaas_tasks.lab.state import LabHost
from edgepaas_tasks.remote import local

IMAGE = "edgepaas-bench-app"  # of our own, so that all its versions can be removed

SETTINGS: Mapping[str, Any] = {
    "app": "guestbook",
    "image": {"name": IMAGE},
    "build": {"context": "guestbook", "args": {"BASE_IMAGE": images.PYTHON}},
    "container": {"memory": "256m", "stop_timeout": 10},
    "health": {"timeout": 60},
    "flip": {"bake": 1, "drain": 15},
    "database": {"mode": "sqlite_only", "per_host": True},
    "variables": {"GREETING": {"type": "string", "default": "hello"}},
    "docker": {"origin": "distribution"},
}


class Project:
    """A folder with a tasks.py, an invoke.yaml and an app; `inv` in it as a user calls it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host: LabHost | None = None
        (folder / "tasks.py").write_text("from edgepaas_tasks import ns\n")

    @property
    def container(self) -> str:
        assert self.host
        return self.host.container

    @property
    def tree(self) -> dict[str, Any]:
        """The settings as they are now."""
        found: dict[str, Any] = json.loads((self.folder / "invoke.yaml").read_text())["edgepaas"]
        return found

    def configure(self, environment: Mapping[str, Any]) -> None:
        tree = {"edgepaas": {**SETTINGS, "environments": {"lab": environment}}}
        (self.folder / "invoke.yaml").write_text(json.dumps(tree))  # JSON is YAML

    def at(self, address: str, known_hosts: Path) -> None:
        """Reach the lab host at another address from now on."""
        assert self.host
        hosts = [{"name": self.host.name, "address": address, "user": self.host.user}]
        self.configure(
            {"hosts": hosts, "ssh": {"key": self.host.key, "known_hosts": str(known_hosts)}}
        )

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "invoke", *words]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}

    def inv(self, *words: str) -> str:
        """What it prints. Raises CommandFailed."""
        done = local.run(*self.words(*words), cwd=self.folder, env=self.environment, timeout=600)
        return done.stdout

    def deploy(self) -> str:
        """A new version of the same code; what the deploy says."""
        return self.inv("deploy", "--env", "lab", "--version", secrets.token_hex(6))

    def time(self, *words: str) -> Run:
        return timed(self.words(*words), env=self.environment, cwd=self.folder)


@contextmanager
def project(folder: Path) -> Iterator[Project]:
    """Gone again at the end, its host too."""
    found = Project(folder)
    shutil.copytree(ROOT / "examples" / "guestbook", folder / "guestbook")
    lab = folder / ".lab"
    try:
        (found.host,) = lifecycle.up(
            lab, lifecycle.Wanted(system="prepared"), lambda line: None
        ).hosts
        found.configure({"lab": {"folder": str(lab)}})
        found.inv("setup", "--env", "lab")
        for _ in range(2):
            found.deploy()
        yield found
    finally:
        lifecycle.down(lab, lambda line: None)
        images_of_ours = local.run("docker", "images", "-q", IMAGE, ok=(0, 1)).text.split()
        if images_of_ours:
            local.run("docker", "rmi", "-f", *set(images_of_ours), ok=(0, 1), timeout=300)
