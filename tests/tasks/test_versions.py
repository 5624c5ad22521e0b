"""A version is settled first, handed on, and meets no secret."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import Engine

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """`stopped` ends before it touches a host."""
    (tmp_path / "tasks.py").write_text("from edgepaas_tasks import ns\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "invoke.yaml").write_text(
        "edgepaas:\n"
        "  app: shop\n"
        "  variables: {TOKEN: {type: string, secret: true, required: true}}\n"
        "  environments:\n"
        "    test: {hosts: [{address: 192.0.2.1}], database: {mode: sqlite_only}}\n"
        "    stopped: {hosts: [{address: 192.0.2.1}], database: {mode: sqlite_only}, hooks: {before: [exit 3]}}\n"
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
    assert settled("--image", "silent") == "image-1d1d1d1d1d1d"
    assert settled("--image", "theirs", "--version", "v3") == "v3"
    assert settled() == "v-mine"


def test_a_version_that_is_no_tag_is_a_wrong_value(inv):
    done = inv("build.version", "--version", "a b")
    assert done.returncode == 2
    assert "letters, digits" in done.stderr
