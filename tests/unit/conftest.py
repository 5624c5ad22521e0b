"""What several of these tests need."""

import subprocess

import pytest


@pytest.fixture(autouse=True)
def no_version_of_the_machine(monkeypatch):
    for name in ("BUILD_VERSION", "GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Runs git in a repository with the app in a directory of it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2026-01-02T03:04:05+00:00")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05+00:00")

    def git(*words, within=""):
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        may = ("-c", "protocol.file.allow=always")  # what a submodule is of
        done = subprocess.run(
            ["git", *who, *may, *words],
            cwd=tmp_path / within,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("1\n")
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".gitignore").write_text("*.log\n__pycache__/\nbuild/\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    return git
