"""Real hosts: a lab of the tests' own, a project as a user has it, and `inv` as a user calls it."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgepaas_tasks.lab import engine, hosts, lifecycle
from edgepaas_tasks.lab.errors import LabError
from edgepaas_tasks.lab.state import LabHost
from edgepaas_tasks.settings import merge
from tests.lab.faults import Faulty

ROOT = Path(__file__).parents[2]

SETTINGS = {
    "app": "guestbook",
    "build": {"context": "guestbook", "args": {"BASE_IMAGE": "edgepaas-lab/python:3.11"}},
    "container": {"memory": "256m", "stop_timeout": 10},
    "health": {"timeout": 15},
    "flip": {"bake": 1, "drain": 15},
    "database": {"mode": "sqlite_only"},
    "variables": {"GREETING": {"type": "string", "default": "hello"}},
    "docker": {"origin": "distribution"},
    "environments": {"lab": {"lab": {"folder": ".lab"}}},
}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def docker():
    """A Docker engine on this machine; without one there is no lab level, and we say so loudly."""
    try:
        engine.ensure(print)
    except LabError as error:
        if os.environ.get("EDGEPAAS_LAB") == "required":
            pytest.fail(f"EDGEPAAS_LAB=required, but no lab can run: {error}")
        pytest.skip(f"NO LAB: {error}")


@dataclass
class Witness:
    """A host seen without our own SSH code."""

    host: LabHost

    def run(self, text: str, *words: str, ok: tuple[int, ...] = (0,)) -> str:
        return hosts.inside(self.host, "sh", "-c", text, "sh", *words, ok=ok).text

    def logins(self) -> int:
        """How many SSH sessions the host has admitted so far."""
        return int(self.run("journalctl -u ssh --no-pager | grep -c 'Accepted publickey' || :"))

    def execs(self) -> int:
        """How many programs came over SSH: each begins with one sudo, which the journal counts."""
        return int(self.run("journalctl _COMM=sudo --no-pager | grep -c 'COMMAND=' || :"))

    def picture(self) -> str:
        """Everything of ours that a refused deploy must leave as it was; the lease is looked at apart."""
        return self.run(
            "cd /opt/edgepaas && find . ! -type d ! -name 'lease*' ! -path '*/data/*' | sort | "
            'while read -r f; do stat -c \'%n %a %s %Y\' "$f"; readlink "$f"; done; '
            "docker ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.State}}'; "
            "docker images -q --no-trunc | sort; md5sum /etc/nginx/conf.d/*"
        )

    def leases(self) -> str:
        return self.run("ls /opt/edgepaas/*/lease 2>/dev/null || :")


class Project:
    """A user's project: a tasks.py, an invoke.yaml, an app, and its hosts."""

    def __init__(self, folder: Path, count: int, **lab) -> None:
        self.folder = folder
        self.app = folder / "guestbook"
        shutil.copytree(ROOT / "examples" / "guestbook", self.app)
        (folder / "tasks.py").write_text("from edgepaas_tasks import ns\n")
        self.settings(SETTINGS)
        self.state = lifecycle.up(folder / ".lab", count, print, **lab)

    def settings(self, tree) -> None:
        # Every JSON document is a YAML document.
        (self.folder / "invoke.yaml").write_text(json.dumps({"edgepaas": tree}, indent=1))

    def configure(self, **over) -> None:
        """The usual settings with some over them."""
        self.settings(merge(SETTINGS, over))

    def repository(self, family: str) -> dict:
        """The lab's package server as the settings name it."""
        words = ("cat", f"/srv/linux/{family}/fingerprint")
        name = f"{self.state.network}-packages"
        done = subprocess.run(["docker", "exec", name, *words], capture_output=True, text=True)
        return {"url": "http://packages/linux", "fingerprint": done.stdout.strip()}

    @property
    def hosts(self) -> list[Witness]:
        return [Witness(host) for host in self.state.hosts]

    @property
    def host(self) -> Witness:
        return self.hosts[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.host.host.http}"

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.folder), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def inv(self, *words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess:
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=300)
        done = subprocess.CompletedProcess(words, process.returncode, out, err)
        assert done.returncode == code, f"exit {done.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return done

    def deploy(self, *words: str, code: int = 0, **environment: str):
        return self.inv("deploy", "--env", "lab", *words, code=code, **environment)

    def status(self):
        return json.loads(self.inv("status", "--env", "lab", "--json").stdout)["hosts"]

    def get(self, path: str = "/version", port: int | None = None):
        url = f"http://127.0.0.1:{port or self.host.host.http}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def write(self, text: str) -> None:
        data = json.dumps({"author": "test", "text": text}).encode()
        request = urllib.request.Request(
            f"{self.url}/api/entries", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 201

    def entries(self) -> list[str]:
        return [entry["text"] for entry in self.get("/api/entries?limit=500")]

    def change(self, text: str = "# changed") -> None:
        """A change of code, and of nothing else."""
        with (self.app / "guestbook" / "pages.py").open("a") as file:
            file.write(f"\n{text}\n")

    def restore(self) -> None:
        shutil.rmtree(self.app)
        shutil.copytree(ROOT / "examples" / "guestbook", self.app)
        self.settings(SETTINGS)


def make(folder: Path, count: int, **lab):
    try:
        yield Project(folder, count, **lab)
    finally:
        lifecycle.down(folder / ".lab", print)


@pytest.fixture(scope="session")
def bare(docker, tmp_path_factory):
    """A project with one bare host, for the tests of `inv setup`; those after it find the host ready."""
    yield from make(tmp_path_factory.mktemp("project"), 1)


@pytest.fixture(scope="session")
def ready(bare):
    """The same, set up and with a first release live."""
    bare.inv("setup", "--env", "lab")
    if not bare.status()[0]["slot"]:
        bare.deploy("--version", "first")
    return bare


@pytest.fixture
def project(ready):
    """A ready project with the app and the settings as they were."""
    ready.restore()
    return ready


@pytest.fixture
def faulty(project):
    """A ready project whose deploying process can be made to fail."""
    found = Faulty(project)
    yield found
    found.disarm()


@pytest.fixture(scope="module")
def pair(docker, tmp_path_factory):
    """A project with two hosts, ready, nothing deployed."""
    for project in make(tmp_path_factory.mktemp("pair"), 2):
        project.inv("setup", "--env", "lab")
        yield project
