"""What git says of the build context, and what is done where it says nothing."""

import os
import shutil

import pytest

from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.settings import Build


@pytest.fixture
def app(git, tmp_path):
    return tmp_path / "app"


@pytest.fixture
def submodule(git, app, tmp_path):
    """A directory of the app that is a repository of its own."""
    other = tmp_path.parent / f"{tmp_path.name}-other"
    other.mkdir()
    git("init", "-q", within=other)
    (other / "lib.py").write_text("1\n")
    (other / ".gitignore").write_text("*.log\n")
    git("add", ".", within=other)
    git("commit", "-q", "-m", "one", within=other)
    git("submodule", "add", "-q", str(other), "app/lib")
    git("commit", "-q", "-m", "two")
    return app / "lib"


def settle(folder, dockerfile="Dockerfile"):
    return versions.settle(Build(context=str(folder), dockerfile=dockerfile), "")


def dirty(folder, dockerfile="Dockerfile"):
    return "dirty" in settle(folder, dockerfile).text


def test_a_submodule_whose_repository_is_gone_is_no_reason_to_call_a_tree_clean(submodule, app):
    (app / "main.py").write_text("2\n")
    (submodule / ".git").write_text("gitdir: ../nowhere\n")
    with pytest.raises(CommandFailed, match="fatal: not a git repository") as caught:
        settle(app)
    assert f"git -C {app} status" in caught.value.next_step


def test_a_repository_of_somebody_else_is_refused_with_what_git_wants(app, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(CommandFailed, match="dubious ownership") as caught:
        settle(app)
    assert caught.value.next_step == f"git config --global --add safe.directory {tmp_path}"


def test_a_repository_without_the_program_is_refused(app, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(CommandFailed, match="git: not found") as caught:
        settle(app)
    assert "install git" in caught.value.next_step
    shutil.rmtree(tmp_path / ".git")
    assert settle(app).text.startswith("files-")


@pytest.mark.parametrize(
    "breaking",
    [
        lambda place: (shutil.rmtree(place), place.write_text("gitdir: /nowhere\n")),
        lambda place: (place / "HEAD").unlink(),
        lambda place: (place / "refs" / "heads" / "main").write_text(""),
        lambda place: (place / "HEAD").write_text("ref: refs/heads/other\n"),
        lambda place: (place / "index").write_text("x"),
    ],
    ids=["a .git that leads nowhere", "no HEAD", "a cut ref", "an empty branch", "no index"],
)
def test_a_repository_that_git_can_not_read_is_never_a_directory_without_one(
    git, app, tmp_path, breaking
):
    git("branch", "-q", "-m", "main")
    breaking(tmp_path / ".git")
    with pytest.raises(
        CommandFailed, match=f"git cannot tell what of the repository {tmp_path} is"
    ):
        settle(app)


def test_before_the_first_commit_there_is_none(tmp_path, git, app):
    shutil.rmtree(tmp_path / ".git")
    git("init", "-q")
    version = settle(app)
    assert (version.text[:6], version.commit) == ("files-", "")


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_looked_at(git, app, flag):
    (app / "notes").write_text("1\n")
    (app / ".dockerignore").write_text("notes\n")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    git("update-index", f"--{flag}", "app/main.py", "app/notes")
    assert not dirty(app)
    (app / "notes").write_text("2\n")
    assert not dirty(app), "it is not sent"
    (app / "main.py").write_text("2\n")
    assert dirty(app)
    (app / "main.py").unlink()
    assert dirty(app)


def test_what_a_submodule_hides_is_sent_all_the_same(git, app, submodule):
    clean = settle(app)
    assert clean.text == clean.commit[:12]
    git("config", "diff.ignoreSubmodules", "all")
    (submodule / "lib.py").write_text("2\n")
    assert dirty(app)
    git("update-index", "--assume-unchanged", "lib.py", within=submodule)
    assert dirty(app)
    git("update-index", "--no-assume-unchanged", "lib.py", within=submodule)
    git("checkout", "-q", "lib.py", within=submodule)
    assert settle(app) == clean
    (submodule / "debug.log").touch()
    assert dirty(app)
    (app / ".dockerignore").write_text("*/*.log\n.dockerignore\n")
    git("add", ".")
    git("commit", "-q", "-m", "three")
    assert not dirty(app)
    (app / ".dockerignore").write_text("lib\n!lib/lib.py\n.dockerignore\n")
    git("commit", "-q", "-a", "-m", "four")
    assert not dirty(app)
    (submodule / "lib.py").write_text("2\n")
    assert dirty(app), "let through again"


def test_a_dockerfile_counts_wherever_it_is(git, app, tmp_path):
    (app / ".dockerignore").write_text("Dockerfile\nweb\n.dockerignore\n")
    (tmp_path / "docker").mkdir()
    for place in (app / "web", tmp_path / "docker" / "web"):
        place.write_text("FROM scratch\n")
    (app / "link").symlink_to("../docker/web")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    ways = (
        "Dockerfile",
        "./web",
        "../app/web",
        "../docker/web",
        "link",
        str(tmp_path / "docker" / "web"),
    )
    assert not any(dirty(app, way) for way in ways)
    (tmp_path / "docker" / "web").write_text("FROM scratch\nLABEL a=b\n")
    assert [way for way in ways if dirty(app, way)] == list(ways[3:])
    git("checkout", "-q", "docker/web")
    (app / "web").write_text("FROM scratch\nLABEL a=b\n")
    assert [way for way in ways if dirty(app, way)] == list(ways[1:3])


def test_a_dockerfile_that_is_not_the_commits_makes_a_difference(git, app, tmp_path):
    (tmp_path / "new").write_text("FROM scratch\n")
    (tmp_path / "x.log").write_text("FROM scratch\n")
    outside = tmp_path.parent / f"{tmp_path.name}-web"
    outside.write_text("FROM scratch\n")
    assert not dirty(app)
    assert dirty(app, "../new")
    assert dirty(app, "../x.log"), "git ignores it"
    assert dirty(app, str(outside)), "it is in no repository"


def test_a_context_that_git_does_not_have_is_no_commits(git, app, tmp_path):
    for name in ("new/img", "build/img"):  # git ignores the second
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "main.py").touch()
        assert dirty(tmp_path / name)


def test_what_we_leave_behind_is_no_change(git, app):
    for name in (".edgepaas/reports", "__pycache__", "deep/.edgepaas", "deep/__pycache__"):
        (app / name).mkdir(parents=True)
        (app / name / "x").touch()
    assert not dirty(app)


def test_names_need_not_be_utf_8(git, app):
    (app / ".dockerignore").write_bytes(b"caf\xe9\n.dockerignore\n")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    (app / os.fsdecode(b"caf\xe9")).touch()
    assert not dirty(app)
    (app / os.fsdecode(b"caf\xe8")).touch()
    assert dirty(app)


def test_the_commits_time_is_nothing_but_that(git, app, ssh_keys):
    git("config", "gpg.format", "ssh")
    git("config", "user.signingkey", str(ssh_keys("signer")))
    git("config", "log.showSignature", "true")
    git("commit", "-q", "--allow-empty", "-S", "-m", "two")
    assert settle(app).created == "2026-01-02T03:04:05+00:00"
