"""What the doctor finds on this machine and between it and the hosts, with stub programs in front of the PATH."""

import os
import platform
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.fleet import machine, preflight
from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.machine.facts import Facts
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.readiness import BLOCKER, OK, UNKNOWN, WARNING
from edgepaas_tasks.service.service import describe


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with nothing but what a test puts there: programs by their name, a home, a directory to stand in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "git"):
        found = next(
            Path(part) / name
            for part in os.environ["PATH"].split(":")
            if (Path(part) / name).exists()
        )
        (folder / name).symlink_to(found)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SSH_AUTH_SOCK", "CI"):
        monkeypatch.delenv(name, raising=False)

    def stub(name, body):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    return stub


def make_service(**more):
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "127.0.0.1"}]}}}
    return describe(settings.load({**tree, **more}, "test"))


def here(service=None):
    return {check.name: check for check in machine.checks(service or make_service())}


@pytest.mark.parametrize(
    ("system", "processor", "ci", "found", "verdict"),
    [
        ("Linux", "x86_64", "", "Linux x86_64, a developer's machine", OK),
        ("Linux", "x86_64", "true", "Linux x86_64, CI", OK),
        ("Darwin", "x86_64", "", "macOS x86_64, a developer's machine", OK),
        ("Darwin", "arm64", "", "macOS arm64, a developer's machine", OK),
        ("Windows", "AMD64", "", "Windows AMD64, a developer's machine", BLOCKER),
    ],
)
def test_this_machine_is_told_by_name(bare, monkeypatch, system, processor, ci, found, verdict):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    if ci:
        monkeypatch.setenv("CI", ci)
    check = here()["system"]
    assert (check.found, check.verdict) == (found, verdict)


def test_an_old_python_is_a_blocker(bare, monkeypatch):
    assert here()["python"].verdict == OK
    monkeypatch.setattr(sys, "version_info", (3, 10, 14))
    assert here()["python"].verdict == BLOCKER


def test_docker_here_is_needed(bare):
    assert here()["docker"].verdict == BLOCKER
    bare("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert here()["docker"].verdict == BLOCKER
    bare("docker", "echo 27.5.1")
    assert here()["docker"].found == "engine 27.5.1"


def git(*words, cwd="."):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *words], cwd=cwd, check=True, capture_output=True)


def test_a_shallow_clone_is_named_and_a_whole_one_is_good(bare, tmp_path, monkeypatch):
    git("init", "-q", "whole")
    for number in range(2):
        Path("whole/file").write_text(str(number))
        git("add", "file", cwd="whole")
        git("commit", "-q", "-m", "one", cwd="whole")
    git("clone", "-q", "--depth", "1", f"file://{Path('whole').resolve()}", "shallow")
    assert here(make_service(build={"context": "whole"}))["git"].verdict == OK
    check = here(make_service(build={"context": "shallow"}))["git"]
    assert check.verdict == WARNING
    assert "from a shallow clone" in check.found
    assert check.next_step == "fetch-depth: 0 in the workflow"


def test_a_context_that_is_not_there_is_named_and_keeps_no_other_check_from_being_made(bare):
    checks = here(make_service(build={"context": "nowhere"}))
    assert checks["git"].verdict == WARNING
    assert checks["git"].found == "edgepaas.build.context: nowhere: no such directory"
    assert "ssh key" in checks


def test_without_git_the_version_is_a_hash_of_the_files(bare, tmp_path):
    (tmp_path / "bin" / "git").unlink()
    assert here()["git"].found.startswith("version files-")


def test_a_repository_that_git_does_not_read_is_in_the_way_of_a_deploy(bare, monkeypatch):
    git("init", "-q")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    check = here()["git"]
    assert (check.verdict, "dubious ownership" in check.found) == (BLOCKER, True)
    assert check.next_step.startswith("git config --global --add safe.directory ")


def test_keys_are_looked_for_where_ssh_looks(bare, tmp_path, monkeypatch):
    assert here()["ssh key"].verdict == WARNING

    (tmp_path / ".ssh").mkdir()
    for name in ("id_ed25519", "id_ed25519.pub"):
        (tmp_path / ".ssh" / name).touch()
    assert here()["ssh key"].found == "~/.ssh: id_ed25519"

    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    bare("ssh-add", "printf 'one\\ntwo\\n'")
    assert here()["ssh key"].found == "2 keys in the agent"
    bare("ssh-add", "echo The agent has no identities.; exit 1")
    assert here()["ssh key"].found == "~/.ssh: id_ed25519"

    check = here(make_service(ssh={"key": "~/.ssh/other"}))["ssh key"]
    assert (check.verdict, check.next_step) == (BLOCKER, "correct edgepaas.ssh.key")
    assert here(make_service(ssh={"key": "~/.ssh/id_ed25519"}))["ssh key"].verdict == OK


def state(**facts) -> State:
    return State(Facts(arch="x86_64", clock=1000, **facts), Live("", 0), {}, (), {})


def test_an_image_of_this_machine_must_run_on_the_hosts(bare):
    arm = {"web1": replace(state(), facts=Facts(arch="aarch64"))}
    assert machine.architecture(arm).verdict == UNKNOWN, "no engine here"
    bare("docker", '[ "$1" = version ] && echo amd64')
    assert machine.architecture({}).verdict == UNKNOWN, "no host answers"
    assert machine.architecture({"web1": state()}).verdict == OK
    check = machine.architecture(arm)
    assert (check.verdict, check.found) == (
        BLOCKER,
        "amd64 here, arm64 there, and no buildx to build for it",
    )
    bare("docker", '[ "$1" = version ] && echo amd64; exit 0')
    assert machine.architecture(arm).verdict == WARNING
    assert machine.architecture({"web1": state(), **arm}).verdict == WARNING


def test_variables_that_are_not_as_declared_are_a_blocker(bare):
    declared = {"TOKEN": {"type": "string", "required": True, "secret": True}}
    check, values = machine.variables(make_service(variables=declared))
    assert (check.verdict, values) == (BLOCKER, None)
    assert "TOKEN: is required" in check.found
    check, values = machine.variables(
        make_service(variables={"A": {"type": "integer", "default": 1}})
    )
    assert (check.verdict, check.found) == (OK, "1 as declared")
    assert values is not None


@pytest.mark.parametrize(
    ("leads_to", "verdict", "found"),
    [
        ((), WARNING, "shop.example does not resolve"),
        (("127.0.0.1",), OK, "shop.example leads here"),
        (("10.0.0.9",), OK, "shop.example leads here"),
        (("192.0.2.7",), WARNING, "shop.example leads to 192.0.2.7, not to this host"),
    ],
)
def test_a_name_leads_to_the_host_by_any_of_its_addresses(monkeypatch, leads_to, verdict, found):
    known = {"shop.example": leads_to, "127.0.0.1": ("127.0.0.1",)}

    def resolve(name, _):
        if not known[name]:
            raise OSError
        return [(0, 0, 0, "", (address, 0)) for address in known[name]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    service = make_service(nginx={"server_name": "shop.example *.shop.example"})
    (check,) = preflight._names(service, "127.0.0.1", state(addresses=("10.0.0.9",)))
    assert (check.verdict, check.found) == (verdict, found)


def test_a_host_that_can_not_be_reached_is_a_blocker_with_what_to_do():
    error = RemoteError("web1", "no SSH connection", got="timed out", next_step="is it up?")
    check = preflight._unreachable("web1", error)
    assert (check.verdict, check.found, check.next_step) == (
        BLOCKER,
        "no SSH connection (timed out)",
        "is it up?",
    )


SCRIPT = "revision = {!r}\ndown_revision = {!r}\n\n\ndef upgrade():\n    {}\n"
DROP = 'op.drop_table("old")'


def migrations(scripts, mode="postgres_only"):
    """What preflight says of these scripts, each as its revision, the one before it and what it does."""
    Path("alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    Path("migrations/versions").mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(scripts):
        Path(f"migrations/versions/{number}.py").write_text(SCRIPT.format(*one))
    service = make_service(database={"mode": mode})
    return [one for one in machine.checks(service) if one.name == "migrations"]


@pytest.mark.parametrize(
    ("scripts", "mode", "verdict", "found"),
    [
        ([("a", None, "pass"), ("b", "a", "pass")], "postgres_only", OK, "2 scripts, up to b"),
        ([], "postgres_only", OK, "0 scripts"),
        (
            [("a", None, "pass"), ("b", None, "pass")],
            "postgres_only",
            BLOCKER,
            "migrations: several newest revisions: a, b (0.py, 1.py)",
        ),
        (
            [("a", None, "pass"), ("b", None, "pass")],
            "try_postgres",
            WARNING,
            "migrations: several newest revisions: a, b (0.py, 1.py)",
        ),
        (
            [("a", None, DROP)],
            "postgres_only",
            WARNING,
            "take something away: a drops a table (old) in 0.py:6",
        ),
    ],
)
def test_the_project_s_migrations_are_read(bare, scripts, mode, verdict, found):
    (check,) = migrations(scripts, mode)
    assert (check.where, check.verdict, check.found) == (machine.HERE, verdict, found)
    assert bool(check.next_step) == (verdict != OK)


def test_of_many_things_that_scripts_take_away_the_newest_are_shown(bare):
    scripts = [(str(one), str(one - 1) if one else None, DROP) for one in range(5)]
    (check,) = migrations(scripts)
    assert check.found == (
        "take something away: 4 drops a table (old) in 4.py:6; 3 drops a table (old) in 3.py:6; "
        "2 drops a table (old) in 2.py:6; and 2 more"
    )


def test_migrations_that_are_not_on_this_machine_are_not_checked(bare):
    (check,) = [one for one in machine.checks(make_service()) if one.name == "migrations"]
    assert (check.verdict, check.found) == (UNKNOWN, "the build context has no alembic.ini")
    (check,) = [
        one
        for one in machine.checks(make_service(build={"context": "nowhere"}))
        if one.name == "migrations"
    ]
    assert (check.verdict, check.found) == (
        UNKNOWN,
        "edgepaas.build.context: nowhere: no such directory",
    )
    migrations([])
    Path("alembic.ini").write_text("[alembic]\nscript_location = /app/migrations\n")
    (check,) = [one for one in machine.checks(make_service()) if one.name == "migrations"]
    assert (check.verdict, check.found) == (
        UNKNOWN,
        "/app/migrations is not in the build context",
    )


def test_where_no_deploy_migrates_the_scripts_are_not_read(bare):
    assert migrations([("a", None, "pass"), ("b", None, "pass")], "sqlite_only") == []


def test_what_a_build_would_fail_on_at_once_is_a_blocker(bare):
    check = here()["build"]
    assert (check.verdict, check.found) == (
        BLOCKER,
        "build.context: there is no Dockerfile; nothing was built",
    )
    assert "inv init" in check.next_step
    Path("Dockerfile").write_text("FROM scratch\nCOPY . /app\n")
    assert (here()["build"].verdict, here()["build"].found) == (OK, "Dockerfile")
    Path(".env").write_text("TOKEN=x\n")
    assert here()["build"].verdict == BLOCKER
    assert "the image would have secrets in it: .env" in here()["build"].found
    Path(".dockerignore").mkdir()
    assert "cannot be read: .dockerignore" in here()["build"].found
    assert here(make_service(build={"context": "gone"}))["build"].verdict == BLOCKER
    # None of it counts where no image is built.
    names = {check.name for check in machine.checks(make_service(), builds=False)}
    assert not names & {"build", "git", "migrations"}


@pytest.mark.parametrize(
    "settings",
    [{"maintenance": {"page": "gone.html"}}, {"database": {"root_certificate": "gone.pem"}}],
)
def test_a_file_of_the_settings_that_is_not_there_is_a_blocker(bare, settings):
    check = here(make_service(**settings))["files"]
    assert check.verdict == BLOCKER
    assert "gone" in check.found


def test_what_is_not_committed_is_a_warning_where_it_counts(bare):
    git = "git -c user.name=t -c user.email=t@localhost"
    subprocess.run(
        ["sh", "-c", f"git init -q; echo 1 >a; git add .; {git} commit -qm one; echo 2 >a"],
        check=True,
    )
    assert here()["git"].verdict == OK
    tree = {"app": "shop", "environments": {"prod": {"hosts": [{"address": "127.0.0.1"}]}}}
    check = here(describe(settings.load(tree, "prod")))["git"]
    assert check.verdict == WARNING
    assert "what is not committed would be deployed too" in check.found
