"""From nothing, from an app, and from tags to a live release, as a user does it: inv init, inv lab.up, inv deploy."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest

from edgepaas_tasks.lab import lifecycle, state
from tests.github import Runner, programs

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
            timeout=900,
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
        with urllib.request.urlopen(f"http://127.0.0.1:{self.host.http}{path}", timeout=30) as got:
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


@pytest.fixture
def cloud(aws_server, existing):
    """The lab's host as an instance with the tag, at its private address; the address."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    words = ("docker", "inspect", "-f", form, existing.host.container)
    address = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    tags = [
        {
            "ResourceType": "instance",
            "Tags": [{"Key": "Name", "Value": f"{existing.folder.name}-prod"}],
        }
    ]
    boto3.client("ec2").run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        PrivateIpAddress=address,
        TagSpecifications=tags,
    )
    existing.environment |= {n: text for n, text in os.environ.items() if n.startswith("AWS_")}
    invoke = existing.folder / "invoke.yaml"
    text = invoke.read_text()
    # What a user would set: instances without public addresses; and the base image of this lab.
    text = text.replace("expect: 1}", "expect: 1, address: private}")
    text += '      build: {args: {BASE_IMAGE: "edgepaas-lab/python:3.11"}}\n'
    invoke.write_text(text)
    return address


def test_the_workflow_deploys_to_the_host_that_the_tag_finds(existing, cloud, tmp_path):
    """Build job, hand-over, approval's job, agent, look-up, pinned key, deploy: on a runner as far as shell goes."""
    fingerprint = existing.on_host("ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    existing.inv("hosts.trust", "--env", "prod", "--fingerprint", fingerprint)
    assert (existing.folder / "known_hosts").read_text().startswith(f"{cloud} ssh-ed25519 ")
    keys = Path(existing.environment["HOME"]) / ".ssh"
    keys.mkdir()
    (keys / "id_ed25519").touch(mode=0o600)
    (keys / "id_ed25519").write_text(Path(existing.host.key).read_text())
    existing.inv("setup", "--env", "prod")
    existing.call("git", "add", "-A")
    existing.call(
        "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "prod"
    )
    key = Path(existing.host.key).read_text()
    runner = Runner(
        existing.folder,
        tmp_path / "runner",
        {
            **existing.environment,
            "HOME": str(tmp_path / "runner"),
            "PATH": programs(tmp_path / "pip", pip=":") + ":" + existing.environment["PATH"],
        },
        {"SSH_PRIVATE_KEY": key, "API_TOKEN": "a-secret-of-24-letters-x"},
    )
    assert runner.run(".github/workflows/deploy.yml") == 0, [step.out for step in runner.steps]
    version = existing.call("git", "rev-parse", "--short=12", "HEAD").stdout.strip()
    assert runner.needs["version"]["outputs"] == {"build_version": version}
    out = runner.step("Deploy").out
    assert f"deployed {existing.folder.name} {version} as release 1" in out
    assert "::group::build" in out
    assert "\x1b" not in out
    assert existing.get() == {"colour": "green", "token": 24}
    shown = [line for line in out.splitlines() if "a-secret-of" in line]
    assert all(line.startswith("::add-mask::") for line in shown)
    assert key.splitlines()[1] not in str([step.out for step in runner.steps])

    # The same through a jump host, here the host itself: every task that needs hosts goes that way.
    lab = existing.host
    invoke = existing.folder / "invoke.yaml"
    way = f"ec2-user@127.0.0.1:{lab.port}"
    usual = invoke.read_text()
    invoke.write_text(
        usual.replace(
            "known_hosts: known_hosts}",
            f"known_hosts: known_hosts, key: {lab.key}, jump: '{way}'}}",
        )
    )
    said = existing.inv("status", "--env", "prod").stdout
    assert "the key of the jump host 127.0.0.1 is not known; nothing was sent" in said
    existing.inv("hosts.trust", "--env", "prod", "--from", lab.known_hosts, "--host", "127.0.0.1")
    assert f"release 1 ({version})" in existing.inv("status", "--env", "prod").stdout
    existing.environment["API_TOKEN"] = "x" * 24
    existing.inv("preflight", "--env", "prod", code=0)
    came = existing.on_host("journalctl -u ssh --no-pager | grep 'Accepted publickey' | tail -1")
    assert f"from {cloud}" in came or "from 127.0.0.1" in came

    # The host gets another key: everything stops, and says what to do; the jump host is asked first.
    known = existing.folder / "known_hosts"
    pinned = known.read_text()
    other = existing.call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "other")
    assert other.returncode == 0
    foreign = " ".join((existing.folder / "other.pub").read_text().split()[:2])
    for name, who in ((f"[127.0.0.1]:{lab.port}", "the jump host 127.0.0.1"), (cloud, "the host")):
        lines = [line for line in pinned.splitlines() if not line.startswith(f"{name} ")]
        known.write_text("\n".join([*lines, f"{name} {foreign}"]) + "\n")
        said = existing.inv("deploy", "--env", "prod", code=1).stderr
        assert f"{who} shows another key than the pinned one; nothing was sent" in said
        assert "inv hosts.trust --allow-replace" in said
    assert existing.get()["token"] == 24
