"""Versions: the commit where the files are the commit's, a hash of what is sent where they are not."""

import re

import pytest

from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.settings import Build


def settle(folder, asked="", **more):
    return versions.settle(Build(context=str(folder)), asked, **more)


def test_a_clean_tree_is_its_commit(git, tmp_path):
    version = settle(tmp_path / "app")
    commit = git("rev-parse", "HEAD")
    assert (version.text, version.commit) == (commit[:12], commit)
    assert version.created.startswith("2026-01-02T03:04:05")


def test_a_changed_tree_is_never_the_commit_and_two_trees_never_share_a_version(git, tmp_path):
    app = tmp_path / "app"
    seen = {settle(app).text}
    for change in (
        lambda: (app / "main.py").write_text("2\n"),
        lambda: (app / "main.py").write_text("3\n"),
        lambda: (app / "main.py").chmod(0o755),
        lambda: (app / "new.py").touch(),
        lambda: (app / "link").symlink_to("main.py"),
        lambda: (app / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n"),
        lambda: (app / "main.py").unlink(),
    ):
        change()
        version = settle(app)
        assert re.fullmatch(r"[0-9a-f]{12}-dirty-[0-9a-f]{12}", version.text), version
        assert version.created == "", "these are not the commit's files"
        assert version.text not in seen
        seen.add(version.text)
        assert settle(app) == version


def test_two_changed_ways_to_build_never_share_a_version(git, tmp_path):
    app = tmp_path / "app"
    (app / ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    seen = set()
    for text in ("FROM scratch\nLABEL a=b\n", "FROM scratch\nLABEL a=c\n"):
        (app / "Dockerfile").write_text(text)
        (tmp_path / "web").write_text(text)
        for more in ({}, {"dockerfile": "../web"}, {"args": {"A": "b"}}, {"args": {"A": "c"}}):
            seen.add(versions.settle(Build(context=str(app), **more), "").text)
    assert len(seen) == 6, "the same text is the same Dockerfile"
    assert all("-dirty-" in text for text in seen)


@pytest.mark.parametrize("changed", [False, True])
def test_a_umask_makes_no_other_version(git, tmp_path, changed):
    app = tmp_path / "app"
    (app / "run").touch(0o755)
    git("add", ".")
    git("commit", "-q", "-m", "two")
    if changed:
        (app / "main.py").write_text("2\n")
    before = settle(app)
    for place, mode in ((app, 0o700), (app / "main.py", 0o600), (app / "run", 0o700)):
        place.chmod(mode)
    assert settle(app) == before
    assert ("dirty" in before.text) == changed


def test_a_file_that_git_ignores_and_docker_does_not_makes_a_difference(git, tmp_path):
    app = tmp_path / "app"
    clean = settle(app)
    (app / "debug.log").write_text("x")
    (app / "build").mkdir()
    (app / "build" / "thing").write_text("x")
    assert "dirty" in settle(app).text
    (app / ".dockerignore").write_text("*.log\nbuild\n.dockerignore\n")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    assert "dirty" not in settle(app).text
    assert settle(app).text != clean.text


def test_bytecode_and_changes_elsewhere_make_no_difference(git, tmp_path):
    (tmp_path / "app" / "__pycache__").mkdir()
    (tmp_path / "app" / "__pycache__" / "main.pyc").write_bytes(b"x")
    (tmp_path / "README").write_text("x")
    assert settle(tmp_path / "app").text == git("rev-parse", "HEAD")[:12]


def test_without_git_it_is_a_hash_of_the_files(tmp_path):
    (tmp_path / "a").write_text("1")
    first = settle(tmp_path)
    assert re.fullmatch(r"files-[0-9a-f]{12}", first.text)
    (tmp_path / "a").write_text("2")
    assert settle(tmp_path).text != first.text


def test_a_build_without_cache_has_a_random_hexadecimal_version(git, tmp_path):
    texts = {settle(tmp_path / "app", fresh=True).text for _ in range(5)}
    assert len(texts) == 5
    assert all(re.fullmatch("[0-9a-f]{6}", text) for text in texts)
    uncached = Build(context=str(tmp_path / "app"), cache=False)
    assert re.fullmatch("[0-9a-f]{6}", versions.settle(uncached, "").text)


def test_what_was_asked_for_comes_before_what_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("BUILD_VERSION", "handed-on")
    assert settle(tmp_path).text == "handed-on"
    assert settle(tmp_path, fresh=True).text == "handed-on"
    assert settle(tmp_path, "asked").text == "asked"


@pytest.mark.parametrize("wrong", ["-x", ".x", "a b", "a/b", "a:b", "x" * 65, "é"])
def test_what_is_no_tag_is_refused(wrong, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="--version"):
        settle(tmp_path, wrong)
    monkeypatch.setenv("BUILD_VERSION", wrong)
    with pytest.raises(SettingsError, match="BUILD_VERSION"):
        settle(tmp_path)


def test_a_version_that_github_emptied_is_no_reason_to_make_up_another(monkeypatch, tmp_path):
    monkeypatch.setenv("BUILD_VERSION", "")
    assert settle(tmp_path).text
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(SettingsError, match="set and empty"):
        settle(tmp_path)


def test_a_login_in_the_repositorys_address_is_not_in_the_label(git, tmp_path):
    git("remote", "add", "origin", "https://user:token@git.example/shop.git")
    assert settle(tmp_path / "app").source == "https://git.example/shop.git"
    git("remote", "set-url", "origin", "git@git.example:shop.git")
    assert settle(tmp_path / "app").source == "git@git.example:shop.git"


def test_it_is_written_for_later_steps_and_jobs(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ENV", str(tmp_path / "env"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    (tmp_path / "env").write_text("A=b\n")
    versions.publish(Version("abc123"))
    assert (tmp_path / "env").read_text() == "A=b\nBUILD_VERSION=abc123\n"
    assert (tmp_path / "output").read_text() == "build_version=abc123\n"


def test_a_version_that_contains_a_secret_is_refused_without_showing_it():
    hidden = {"TOKEN": "a1b2c3", "OTHER": "zzz", "EMPTY": ""}
    with pytest.raises(Refused, match="contains the value of TOKEN, ") as caught:
        versions.require_public(Version("x-a1b2c3-y"), hidden)
    assert "a1b2c3" not in str(caught.value)
    versions.require_public(Version("a1b2d3"), hidden)
