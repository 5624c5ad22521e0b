"""From nothing, from an app, and from tags to a live release, as a user does it: inv init, inv lab.up, inv deploy."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from edgepaas_tasks.lab import lifecycle, state
from tests.github import programs

ROOT = Path(__file__).parents[2]


class User:
    """Somebody's directory, and `inv` in it as that person calls it."""

    def __init__(self, folder):
        self.folder = folder
        aws = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
        self.environment = {
            "PATH": programs(folder.parent / "bin", inv=f'exec {sys.executable} -m invoke "$@"'),
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder.parent),
            **aws,
        }

    def call(self, *words, code=0):
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def inv(self, *words, code=0):
        return self.call("inv", *words, code=code)

    @property
    def host(self):
        return state.load(self.folder / ".lab").hosts[0]

    def get(self, path="/"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.host.http}{path}", timeout=10) as got:
            return json.load(got)

    def on_host(self, text):
        words = ("docker", "exec", self.host.container, "sh", "-ec", text)
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def vacate(self):
        """The host's ports are free for another app: what was deployed is gone."""
        self.on_host(
            "docker ps -aq | xargs -r docker rm -f; rm -rf /opt/edgepaas; "
            "grep -l edgepaas /etc/nginx/conf.d/* | xargs -r rm -f; systemctl reload nginx"
        )


def begin(folder):
    """A directory with a tasks.py, which `inv` needs, and nothing else."""
    folder.mkdir()
    (folder / "tasks.py").write_text("from edgepaas_tasks import ns\n")
    return User(folder)


@pytest.fixture(scope="module")
def empty(docker, tmp_path_factory):
    """What a user has after `inv init` and `inv lab.up` in an empty directory."""
    user = begin(tmp_path_factory.mktemp("user") / f"shop-{secrets.token_hex(3)}")
    try:
        user.inv("init")
        # Debian with Docker and nginx there: that setup brings them to a bare host, other tests show.
        user.said = user.inv("lab.up", "--system", "prepared").stdout
        yield user
    finally:
        lifecycle.down(user.folder / ".lab", print)
        forget(user.folder.name)


def forget(image):
    words = ("docker", "images", "-q", "--no-trunc", image)
    found = subprocess.run(words, capture_output=True, text=True).stdout.split()
    if found:
        subprocess.run(["docker", "rmi", "-f", *set(found)], capture_output=True)


APP = """import os

from fastapi import FastAPI

server = FastAPI()


@server.get("/")
def page():
    return {"colour": os.environ["COLOUR"], "token": len(os.environ["API_TOKEN"])}


@server.get("/healthz")
def healthz():
    return {}
"""


@pytest.fixture
def existing(empty, tmp_path):
    """A FastAPI project under git, on the same lab."""
    empty.vacate()
    user = begin(tmp_path / f"tool-{secrets.token_hex(3)}")
    (user.folder / "tool").mkdir()
    (user.folder / "tool" / "__init__.py").touch()
    (user.folder / "tool" / "server.py").write_text(APP)
    shutil.copy(empty.folder / "requirements.txt", user.folder)
    (user.folder / ".env.example").write_text("COLOUR=green\nAPI_TOKEN=\n")
    (user.folder / ".lab").symlink_to(empty.folder / ".lab")
    user.inv("init")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        user.call("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words)
    yield user
    forget(user.folder.name)


def test_an_empty_directory_becomes_a_live_site_without_an_edit(empty):
    assert "next: inv deploy --env lab" in empty.said
    said = empty.inv("deploy", "--env", "lab").stdout
    assert f"deployed {empty.folder.name}" in said
    page = empty.get()
    assert page["says"] == "hello"
    assert page["version"]
    assert "healthy" in empty.inv("status").stdout
    # A second call finds everything ready.
    assert "nothing changed" in empty.inv("lab.up").stdout


def test_an_existing_project_is_live_with_no_edit_but_its_own_variables(existing):
    (existing.folder / ".env").write_text("API_TOKEN=abcdef123456\n")
    existing.inv("lab.up")
    existing.inv("deploy", "--env", "lab")
    assert existing.get() == {"colour": "green", "token": 12}
