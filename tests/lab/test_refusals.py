"""Bad input and bad surroundings: refused in clear lines, nothing changed, the lease given back."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgepaas_tasks.lab.hosts import free_ports
from edgepaas_tasks.settings import merge
from tests.lab.conftest import SETTINGS


@pytest.fixture
def untouched(project):
    """The host must not even be logged in to."""
    logins = project.host.logins()
    yield project
    assert project.host.logins() == logins, "a host was contacted"


REQUIRED = {"variables": {"API_KEY": {"type": "string", "required": True, "secret": True}}}
TYPED = {"variables": {"WORKERS": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        ({}, ("--env", "lob"), "--env lob: no such environment; did you mean 'lab'"),
        ({"helth": {}}, (), "edgepaas.helth: unknown key; did you mean 'health'?"),
        (REQUIRED, (), "API_KEY: is required"),
        (TYPED, ("--set", "WORKERS=many"), "WORKERS (--set): expected an integer, got 'many'"),
        (REQUIRED, ("--set", "API_KEY=hunter2hunter2"), "API_KEY (--set): is a secret"),
        ({}, ("--set", "GREETING"), "--set 'GREETING': expected NAME=VALUE"),
        ({}, ("--version", "no good"), "--version 'no good'"),
        ({}, ("--wait", "soon"), "--wait 'soon': expected a number"),
        ({"variables": {"PATH": "string"}}, (), "PATH: this name is reserved"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and value else None,
)
def test_bad_input_is_refused_before_any_host_is_touched(untouched, change, words, message):
    untouched.settings(merge(SETTINGS, change))
    environment = () if "--env" in words else ("--env", "lab")
    done = untouched.inv("deploy", *environment, *words, code=2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4
    assert "hunter2" not in done.stdout + done.stderr


def test_two_environments_in_one_call_are_refused(untouched):
    tree = merge(SETTINGS, {"environments": {"other": {"hosts": [{"address": "127.0.0.9"}]}}})
    untouched.settings({**tree, "default_env": "other"})
    untouched.inv("nginx.flip", "--slot", "x", "--env", "lab", code=2)
    done = untouched.inv("lab.status", "deploy", "--env", "nope", code=2)
    assert "no such environment" in done.stderr


@pytest.fixture
def unchanged(project):
    """Nothing on the host changes, and nobody keeps its lease."""
    before = project.host.picture()
    yield project
    assert project.host.picture() == before
    assert project.host.leases() == ""


def test_an_unknown_host_key_is_refused(unchanged):
    known_hosts = Path(unchanged.host.host.known_hosts)
    kept = known_hosts.read_text()
    known_hosts.write_text("")
    try:
        done = unchanged.deploy(code=1)
    finally:
        known_hosts.write_text(kept)
    assert "edge1: its host key is not known; nothing was sent" in done.stderr
    assert "ssh-ed25519 SHA256:" in done.stderr


def test_a_changed_host_key_is_refused(unchanged, tmp_path):
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "k")], check=True
    )
    foreign = (tmp_path / "k.pub").read_text().split()[:2]
    known_hosts = Path(unchanged.host.host.known_hosts)
    kept = known_hosts.read_text()
    known_hosts.write_text(f"{kept.split()[0]} {' '.join(foreign)}\n")
    try:
        done = unchanged.deploy(code=1)
    finally:
        known_hosts.write_text(kept)
    assert "the host shows another key than the pinned one; nothing was sent" in done.stderr
    assert "inv hosts.trust --allow-replace" in done.stderr


def test_a_host_that_is_down_is_named_within_its_deadline(unchanged):
    (port,) = free_ports(1)
    down = {"hosts": [{"name": "web9", "address": "127.0.0.1", "port": port}], "lab": None}
    unchanged.settings(merge(SETTINGS, {"environments": {"lab": down}, "ssh": {"timeout": 3}}))
    done = unchanged.deploy(code=1)
    assert "web9: no SSH connection" in done.stderr
    assert f"127.0.0.1:{port}" in done.stderr


def test_a_host_that_says_nothing_is_given_up_in_time(unchanged):
    import socket
    import time

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        hosts = {"hosts": [{"name": "web9", "address": "127.0.0.1", "port": port}], "lab": None}
        unchanged.settings(merge(SETTINGS, {"environments": {"lab": hosts}, "ssh": {"timeout": 2}}))
        begun = time.monotonic()
        done = unchanged.deploy(code=1)
    assert time.monotonic() - begun < 40
    assert "web9: " in done.stderr


def test_a_dockerfile_that_fails_to_build_changes_no_host(unchanged):
    dockerfile = unchanged.app / "Dockerfile"
    why = f"that is why {unchanged.image}"
    dockerfile.write_text(dockerfile.read_text() + f"\nRUN echo {why} >&2 && exit 7\n")
    done = unchanged.deploy(code=1)
    # Others may build on this machine at the same time: the container of this step is the one that must be gone.
    here = ("docker", "ps", "-a", "--no-trunc", "--format", "{{.Command}}")
    assert why not in subprocess.run(here, capture_output=True, text=True, check=True).stdout
    assert why in done.stderr
    assert "docker build failed; no host was changed" in done.stderr
    assert "exit 7" in done.stderr
    (log,) = (unchanged.folder / ".edgepaas" / "reports").glob("guestbook-lab-build-*.log")
    assert f"the whole log: .edgepaas/reports/{log.name}" in done.stderr
    assert why in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_missing_dockerfile_is_named(untouched):
    shutil.move(untouched.app / "Dockerfile", untouched.folder / "Dockerfile.away")
    done = untouched.deploy(code=1)
    assert "there is no guestbook/Dockerfile" in done.stderr


def test_a_dry_run_changes_nothing_and_says_what_would_happen(unchanged):
    live = unchanged.status()[0]
    done = unchanged.deploy("--version", "rehearsed", "--dry-run")
    # A release that failed has had its number.
    found = re.match(r"would deploy guestbook rehearsed as release (\d+)$", done.stdout, re.M)
    assert found, done.stdout
    assert int(found[1]) > live["release"]
    assert "GREETING: from default" in done.stdout
    assert "nothing was changed" in done.stdout


def test_a_rollback_to_what_is_not_there_is_refused(unchanged):
    done = unchanged.inv("rollback", "--env", "lab", "--to", "9999", code=1)
    assert "release 9999 is not kept here" in done.stderr
    live = unchanged.status()[0]["release"]
    done = unchanged.inv("rollback", "--env", "lab", "--to", str(live), code=1)
    assert "is live already" in done.stderr
    unchanged.inv("rollback", "--env", "lab", "--to", "x", code=2)


def test_a_service_that_was_never_set_up_is_told_so(unchanged):
    unchanged.settings({**SETTINGS, "app": "other"})
    done = unchanged.deploy(code=1)
    assert "this host is not set up for the service" in done.stderr
    assert "inv setup" in done.stderr
