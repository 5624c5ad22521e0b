"""Real hosts: a lab of the tests' own, a project as a user has it, and `inv` as a user calls it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.lab import engine, hosts, lifecycle, postgres
from edgepaas_tasks.lab.alone import alone
from edgepaas_tasks.lab.state import LabHost
from edgepaas_tasks.settings import merge
from tests.lab.faults import Faulty

ROOT = Path(__file__).parents[2]

SETTINGS = {
    "app": "guestbook",
    "build": {"context": "guestbook", "args": {"BASE_IMAGE": "edgepaas-lab/python:3.11"}},
    "container": {"memory": "256m", "stop_timeout": 10},
    "health": {"timeout": 60},
    "flip": {"bake": 1, "drain": 15},
    # No sign of life in so short a run: each is a connection and a program of its own, and some tests count these.
    "lease": {"ttl": 600},
    "database": {"mode": "sqlite_only", "per_host": True},
    "variables": {"GREETING": {"type": "string", "default": "hello"}},
    "docker": {"origin": "distribution"},
    "environments": {"lab": {"lab": {"folder": ".lab"}}},
}


# Requests enough to notice any that is lost, and not so many that they take the processor from what runs beside them.
STEADY = {"connections": 2, "pause": 0.005}

# What takes longest, the longest first: where modules run side by side, none of these may begin last.
LONG = ("test_volume_kills.py", "test_migrations.py", "test_systems.py", "test_flips.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)
    if "PYTEST_XDIST_WORKER" in os.environ:
        order = {name: place for place, name in enumerate(LONG)}
        items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home with nothing in it but what Docker's client has in ours."""
    folder = tmp_path_factory.mktemp("home")
    if (theirs := Path.home() / ".docker").is_dir():
        (folder / ".docker").symlink_to(theirs)
    return folder


@pytest.fixture(autouse=True)
def nobodys_ssh(home, monkeypatch):
    """Neither somebody's ~/.ssh/config nor their agent decides how a host is reached."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture(scope="session")
def docker():
    """A Docker engine on this machine; without one there is no lab level, and we say so loudly."""
    try:
        with alone("engine"):
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
        return self._journal("-u ssh", "Accepted publickey")

    def execs(self) -> int:
        """How many programs came over SSH: each begins with one sudo, which the journal counts."""
        return self._journal("_COMM=sudo", "COMMAND=")

    def _journal(self, of: str, text: str) -> int:
        return int(
            self.run(f"journalctl --sync; journalctl {of} --no-pager | grep -c '{text}' || :")
        )

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


# For code of an app: nginx puts its own headers in front of the client's, and a probe of the slot sends curl's first.
BEHIND_NGINX = """
def behind_nginx(request):
    names = [name for name, _ in request.scope["headers"]]
    first = names.index(b"user-agent") if b"user-agent" in names else len(names)
    return b"x-real-ip" in names[:first]
"""
SHY = f"""{BEHIND_NGINX}
import os

from fastapi import Request


@app.middleware("http")
async def shy(request: Request, call_next):
    if behind_nginx(request) and os.path.exists("/data/shy"):
        return Response(status_code=500)
    return await call_next(request)
"""


class Project:
    """A user's project: a tasks.py, an invoke.yaml, an app, and its hosts."""

    def __init__(self, folder: Path, count: int, *, system: str = "prepared", **lab) -> None:
        self.folder = folder
        self.app = folder / "guestbook"
        # Of its own: projects side by side use the same versions for different code.
        self.image = f"guestbook-{secrets.token_hex(4)}"
        self.processes: list[subprocess.Popen] = []
        shutil.copytree(ROOT / "examples" / "guestbook", self.app)
        (folder / "tasks.py").write_text("from edgepaas_tasks import ns\n")
        self.settings(SETTINGS)
        self.state = lifecycle.up(folder / ".lab", lifecycle.Wanted(count, system, **lab), print)
        with alone("app image"):
            self._keep_layers()

    def _keep_layers(self) -> None:
        """Builds the app once under a name that stays, so that all projects share the layers below its code."""
        words = ("docker", "build", "-q", "-t", "edgepaas-lab/guestbook:kept", "--build-arg")
        argument = f"BASE_IMAGE={SETTINGS['build']['args']['BASE_IMAGE']}"
        environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
        subprocess.run(
            [*words, argument, str(self.app)], check=True, capture_output=True, env=environment
        )

    def forget_images(self) -> None:
        words = ("docker", "images", "-q", "--no-trunc", self.image)
        found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        if found:
            subprocess.run(["docker", "rmi", "-f", *set(found)], capture_output=True)

    def settings(self, tree) -> None:
        tree = merge({"image": {"name": self.image}}, tree)
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

    def start(self, *words: str, before=(), **environment: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "invoke", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.folder), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def end(self) -> None:
        """Ends what a failed test has left running, so that it gives back its lease."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                try:
                    process.communicate(timeout=60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
        self.processes.clear()

    def inv(self, *words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess:
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=900)
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
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)

    def write(self, text: str) -> None:
        data = json.dumps({"author": "test", "text": text}).encode()
        request = urllib.request.Request(
            f"{self.url}/api/entries", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201

    def entries(self) -> list[str]:
        return [entry["text"] for entry in self.get("/api/entries?limit=500")]

    def change(self, text: str = "# changed") -> None:
        """A change of code, and of nothing else."""
        with (self.app / "guestbook" / "pages.py").open("a") as file:
            file.write(f"\n{text}\n")

    def slow(self, seconds: int = 10) -> None:
        """A build that takes this long."""
        with (self.app / "Dockerfile").open("a") as file:
            file.write(f"\nRUN sleep {seconds} # {time.time_ns()}\n")

    def shy(self) -> None:
        """A version that answers 500 behind nginx on every host that has a file `shy` in its data directory."""
        with (self.app / "guestbook" / "app.py").open("a") as file:
            file.write(SHY)

    def restore(self) -> None:
        shutil.rmtree(self.app)
        shutil.copytree(ROOT / "examples" / "guestbook", self.app)
        self.settings(SETTINGS)


def broken_image(project: Project, context: Path):
    """The guestbook with one more layer: an app that breaks as it is told. Gives the image's name, and removes it."""
    shutil.copytree(project.app, context, dirs_exist_ok=True)
    shutil.copy(Path(__file__).parent / "broken_app.py", context / "guestbook" / "broken.py")
    with (context / "Dockerfile").open("a") as file:
        file.write('\nCMD ["python", "-m", "guestbook.broken"]\n')
    base = ("--build-arg", f"BASE_IMAGE={SETTINGS['build']['args']['BASE_IMAGE']}")
    name = f"guestbook:broken-{secrets.token_hex(4)}"
    words = ("docker", "build", "-q", "-t", name, *base, str(context))
    subprocess.run(words, check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", "-f", name], capture_output=True)


def make(folder: Path, count: int, **lab):
    """A project with hosts of `lab`: a `prepared` host is ready within seconds, others are bare."""
    project = None
    try:
        project = Project(folder, count, **lab)
        yield project
    finally:
        if project:
            project.end()
        lifecycle.down(folder / ".lab", print)
        if project:
            project.forget_images()


@pytest.fixture(scope="session")
def ready(docker, tmp_path_factory):
    """A project with one host, set up and with a first release live."""
    for project in make(tmp_path_factory.mktemp("project"), 1):
        project.inv("setup", "--env", "lab")
        project.deploy("--version", "first")
        yield project


@pytest.fixture
def project(ready):
    """A ready project with the app and the settings as they were."""
    ready.restore()
    yield ready
    ready.end()


@pytest.fixture
def faulty(project):
    """A ready project whose deploying process can be made to fail."""
    found = Faulty(project)
    yield found
    found.disarm()


@pytest.fixture(scope="session")
def served(docker, tmp_path_factory):
    """A project with one ready host and a Postgres server over TLS beside it."""
    for project in make(tmp_path_factory.mktemp("served"), 1, postgres=True):
        project.server = postgres.find(project.state)
        yield project


def begin_anew(project, **over) -> None:
    """Nothing deployed, an empty database, DATABASE_URL in .env, and these settings."""
    project.restore()
    project.configure(**over)
    project.server.start()
    (project.folder / ".env").write_text(f"DATABASE_URL={project.server.url}\n")
    project.host.run(
        "command -v docker >/dev/null && docker ps -aq --filter label=edgepaas.service | xargs -r docker rm -f; "
        "rm -rf /opt/edgepaas/guestbook-lab"
    )
    project.server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION guestbook")
    project.inv("setup", "--env", "lab")


@pytest.fixture(scope="module")
def volumeless(docker, tmp_path_factory):
    """A project with one ready host, and settings for the volume that it could have."""
    for project in make(tmp_path_factory.mktemp("volumes"), 1):
        project.inv("setup", "--env", "lab")
        project.volume = {"id": project.host.host.volume, "size": 4}
        project.device = project.host.host.device
        yield project


@pytest.fixture(scope="module")
def three(docker, tmp_path_factory):
    """A project with three hosts, ready, nothing deployed."""
    for project in make(tmp_path_factory.mktemp("three"), 3):
        project.inv("setup", "--env", "lab")
        yield project
