"""A version is settled first, handed on, and meets no secret."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import Engine, id_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """`stopped` ends before it touches a host."""
    (tmp_path / "tasks.py").write_text("from edgepaas_tasks import ns\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "invoke.yaml").write_text(
        "edgepaas:\n"
        "  app: shop\n"
        "  image: {server: registry.example, username: bot}\n"
        "  notify: {email: {server: mail.example, sender: a@b, to: [c@d], password_variable: MAIL_PASSWORD}}\n"
        "  variables: {TOKEN: {type: string, secret: true, required: true}}\n"
        "  environments:\n"
        "    test: {hosts: [{address: 192.0.2.1}], database: {mode: sqlite_only}}\n"
        "    stopped: {hosts: [{address: 192.0.2.1}], database: {mode: sqlite_only}, hooks: {before: [exit 3]}}\n"
        "    cloud: {hosts: [{address: 192.0.2.1}], ssm: {path: /shop}}\n"
    )
    return tmp_path


@pytest.fixture
def inv(project, tmp_path):
    def inv(*words, **environment):
        path = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words],
            cwd=tmp_path,
            env={**path, **environment},
            capture_output=True,
            text=True,
        )

    return inv


def test_the_version_needs_no_environment_and_no_secret_and_is_handed_on(inv, tmp_path):
    files = {name: str(tmp_path / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
    done = inv("build.version", "--no-cache", GITHUB_ACTIONS="true", **files)
    assert done.returncode == 0, done.stderr
    version = done.stdout.strip()
    assert len(version) == 6
    assert (tmp_path / "GITHUB_ENV").read_text() == f"BUILD_VERSION={version}\n"
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == f"build_version={version}\n"
    later = inv("build.version", "--no-cache", BUILD_VERSION=version)
    assert later.stdout.strip() == version, "one that is settled stays"


def test_a_deploy_stops_where_a_secret_is_part_of_the_version(inv):
    done = inv("deploy", "--env", "test", BUILD_VERSION="v-a1b2c3", TOKEN="a1b2c3")
    assert done.returncode == 1
    assert "the version contains the value of TOKEN" in done.stderr
    assert "a1b2c3" not in done.stderr + done.stdout
    other = inv("deploy", "--env", "test", BUILD_VERSION="v-a1b2c3", TOKEN="different")
    assert "the version contains" not in other.stderr


def test_an_image_of_others_is_deployed_under_its_own_version(
    project, run_tasks, monkeypatch, tmp_path
):
    engine = Engine(tmp_path)
    labels = {"org.opencontainers.image.version": "7.1"}
    engine.has(here={"theirs": {"amd64": labels}, "silent": {"amd64": {}}})
    for name, value in {**engine.environment, "BUILD_VERSION": "v-mine", "TOKEN": "hush"}.items():
        monkeypatch.setenv(name, value)

    def settled(*words):
        said = run_tasks(project, "deploy", "--env", "stopped", *words, code=1).stderr
        return re.search(r"resolve .*version (\S+),", said)[1]

    assert settled("--image", "theirs") == "7.1"
    assert settled("--image", "silent") == f"image-{id_of({})[7:19]}"
    assert settled("--image", "theirs", "--version", "v3") == "v3"
    assert settled() == "v-mine"


def test_a_version_that_is_no_tag_is_a_wrong_value(inv):
    done = inv("build.version", "--version", "a b")
    assert done.returncode == 2
    assert "letters, digits" in done.stderr


@pytest.fixture
def here(project, monkeypatch, tmp_path_factory):
    """The project, an engine that answers, and no variable of the app's."""
    engine = Engine(tmp_path_factory.mktemp("elsewhere"))  # no file of the build context
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BUILD_VERSION", raising=False)
    return project


BUILDING = ("deploy", "docker.push", "docker.build")


@pytest.mark.parametrize("task", BUILDING)
def test_nothing_with_a_secret_in_it_is_built(here, run_tasks, monkeypatch, task):
    monkeypatch.setenv("TOKEN", "hush-hush")
    (here / "Dockerfile").write_text("FROM scratch\nCOPY . /app\n")
    (here / ".env").write_text("TOKEN=hush-hush\n")
    said = run_tasks(here, task, "--env", "test", code=1).stderr
    assert "the image would have secrets in it: .env; nothing was built" in said


@pytest.mark.parametrize("task", BUILDING)
@pytest.mark.parametrize("name", ["TOKEN", "REGISTRY_PASSWORD", "MAIL_PASSWORD"])
def test_no_version_with_a_secret_in_it_leaves_this_machine(
    here, run_tasks, monkeypatch, name, task
):
    for one in ("TOKEN", "REGISTRY_PASSWORD", "MAIL_PASSWORD"):
        monkeypatch.setenv(one, f"of-{one.lower()}")
    said = run_tasks(
        here, task, "--env", "test", "--version", f"v-of-{name.lower()}", code=1
    ).stderr
    assert f"the version contains the value of {name}, which is secret" in said
    assert f"of-{name.lower()}" not in said


def test_a_secret_that_no_task_needs_may_be_missing(here, run_tasks, monkeypatch):
    monkeypatch.delenv("TOKEN", raising=False)
    done = run_tasks(here, "docker.build", "--env", "test", "--version", "v1")
    assert done.stdout.startswith("shop:v1 sha256:")


@pytest.mark.parametrize("task", BUILDING)
def test_what_is_no_project_is_told_so(here, run_tasks, monkeypatch, task):
    monkeypatch.setenv("TOKEN", "hush-hush")
    (here / "Dockerfile").unlink()
    said = run_tasks(here, task, "--env", "test", code=1).stderr
    assert "build.context: there is no Dockerfile" in said


def test_an_image_is_built_where_parameter_store_is_out_of_reach(here, run_tasks, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TOKEN": "hush-hush",
    }.items():
        monkeypatch.setenv(name, value)
    done = run_tasks(here, "docker.build", "--env", "cloud", "--version", "v1")
    assert "warning: the version is not compared with the secrets of SSM: AWS ssm: " in done.stderr
    assert done.stdout.startswith("shop:v1 sha256:")
    said = run_tasks(
        here, "docker.build", "--env", "cloud", "--version", "v-hush-hush", code=1
    ).stderr
    assert "the version contains the value of TOKEN" in said
