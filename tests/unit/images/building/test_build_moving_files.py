"""A tree that moves under a deploy: what was settled for one is not built from another."""

import subprocess
import time

import pytest

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images.building import build as builds
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.settings import Build
from tests.engine import Engine

CHANGES = {
    "an edit": "echo 2 >main.py",
    "a new file": "touch new.py",
    "a secret that git ignores": "echo TOKEN=x >.env",
    "the Dockerfile": "echo 'LABEL a=b' >>Dockerfile",
    "the .dockerignore": "echo '*.md' >.dockerignore",
    "a file less": "rm main.py",
    "a program": "chmod +x main.py",
}
COMMITS = {
    "a pull": "echo 2 >main.py && git add . && git -c user.name=t -c user.email=t@localhost commit -qm two",
    "a commit of nothing": "git -c user.name=t -c user.email=t@localhost commit -qm two --allow-empty",
}
HARMLESS = {
    "a touch": "touch main.py",
    "the same again": "cp main.py x && mv x main.py",
    "bytecode": "mkdir __pycache__ && touch __pycache__/main.pyc",
    "git's own": "git status >/dev/null; touch .git/index",
}


@pytest.fixture
def engine(monkeypatch, tmp_path):
    stub = Engine(tmp_path)
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("BUILD_VERSION", "GITHUB_ACTIONS", "DURING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return stub


@pytest.fixture
def tree(engine, monkeypatch, tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "main.py").write_text("1\n")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / ".gitignore").write_text(".env\n__pycache__/\n")
    run("git init -q && git add . && git -c user.name=t -c user.email=t@localhost commit -qm one")
    return folder


def run(command):
    subprocess.run(["sh", "-c", command], check=True)


def build(version):
    return builds.build(Build(), "shop", version)


@pytest.mark.parametrize("change", {**CHANGES, **COMMITS}.values(), ids=[*CHANGES, *COMMITS])
@pytest.mark.parametrize("asked", ["", "v1"])
def test_what_changed_before_it_is_built_is_not_built(tree, engine, change, asked):
    version = versions.settle(Build(), asked)
    run(change)
    with pytest.raises(Refused, match=r"the files changed meanwhile(.|\n)*deploy again"):
        build(version)
    assert engine.called("build ") == []
    assert build(versions.settle(Build(), asked)).reference.startswith("shop:")


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_changes_while_it_is_built_gets_no_tag(tree, engine, monkeypatch, change):
    version = versions.settle(Build(), "")
    monkeypatch.setenv("DURING", change)
    with pytest.raises(Refused, match="the files changed meanwhile"):
        build(version)
    assert engine["here"] == {}, "the next build of that commit must not find it"


@pytest.mark.parametrize("change", HARMLESS.values(), ids=list(HARMLESS))
@pytest.mark.parametrize("dirty", [False, True])
def test_files_that_are_the_same_are_no_change(tree, monkeypatch, change, dirty):
    if dirty:
        run("echo 3 >main.py")
    version = versions.settle(Build(), "v1")
    run(change)
    monkeypatch.setenv("DURING", change.replace("mkdir", "mkdir -p"))
    assert build(version).reference == "shop:v1"


def test_the_files_that_changed_are_named(tree, engine):
    """As those of `inv deploy >deploy.log`, which a shell has begun before the version is settled."""
    run("touch deploy.log")
    version = versions.settle(Build(), "v1")
    run("echo output >deploy.log; mkdir new; for n in 1 2 3 4 5 6; do touch new/$n; done")
    with pytest.raises(Refused) as raised:
        build(version)
    assert raised.value.problem.startswith(
        "the files changed meanwhile (deploy.log, new, new/1, new/2, new/3 and 3 more): they are "
    )
    assert "add it to .dockerignore" in raised.value.next_step
    run("echo deploy.log >.dockerignore; echo deploy.log >>.gitignore")
    version = versions.settle(Build(), "v1")
    run("echo output >>deploy.log")
    assert build(version).reference == "shop:v1"


def test_what_is_not_committed_is_said(tree):
    assert versions.uncommitted(versions.settle(Build(), "")) == ""
    run("echo 2 >main.py")
    found = versions.uncommitted(versions.settle(Build(), "v1"))
    assert found.startswith("the files are not those of commit ")
    run("rm -rf .git")
    assert versions.uncommitted(versions.settle(Build(), "v1")) == ""


def test_without_git_the_files_are_looked_at(tree, engine):
    run("rm -rf .git")
    version = versions.settle(Build(), "v1")
    run("echo 2 >main.py")
    with pytest.raises(Refused, match="the files changed meanwhile"):
        build(version)


def test_a_random_version_is_no_change(tree):
    version = versions.settle(Build(), "", fresh=True)
    assert build(version).reference == f"shop:{version.text}"


def test_looking_again_reads_no_file_that_is_as_it_was(tree):
    with open("large", "wb") as file:
        file.truncate(2**28)
    begun = time.process_time()
    version = versions.settle(Build(), "v1")
    first = time.process_time() - begun
    versions.require_same(Build(), version)
    assert time.process_time() - begun - first < first / 3
