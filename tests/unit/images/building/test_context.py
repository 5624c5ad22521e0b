"""The build context as docker build sees it."""

import os

import pytest

from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import context as contexts
from edgepaas_tasks.settings import Build


def read(folder, dockerfile="Dockerfile"):
    return contexts.read(Build(context=str(folder), dockerfile=dockerfile))


@pytest.mark.parametrize(
    ("ignore", "sent", "kept_back"),
    [
        ("", ["a", "d/a"], []),
        ("# a\n\n", ["a"], []),
        ("a", ["ab", "d/a"], ["a", "a/b"]),
        ("/a/", ["d/a"], ["a", "a/b"]),
        ("*.pem", ["d/x.pem"], ["x.pem"]),
        ("**/*.pem", [], ["x.pem", "d/x.pem", "d/e/x.pem"]),
        ("d/**", ["d", "e/a"], ["d/a", "d/e/a"]),
        ("*/temp*", ["temp", "a/b/temp"], ["a/temp", "a/temp1", "a/temp/x"]),
        ("temp?", ["temp", "temp12"], ["temp1"]),
        ("[a-c].py", ["d.py"], ["a.py"]),
        ("[^a].py", ["a.py"], ["b.py"]),
        ("**\n!src/**\nsrc/secret", ["src/a", "src/d/b"], ["a", "src/secret", "src/secret/x"]),
        ("*.md\n!README.md", ["README.md", "a"], ["x.md"]),
        ("./a/../b", ["a"], ["b"]),
        (r"\*", ["a"], ["*"]),
    ],
)
def test_patterns_mean_what_docker_says(tmp_path, ignore, sent, kept_back):
    (tmp_path / ".dockerignore").write_text(ignore)
    context = read(tmp_path)
    assert [path for path in sent if not context.sends(path)] == []
    assert [path for path in kept_back if context.sends(path)] == []


def test_files_are_those_that_are_sent(tmp_path):
    for name in ("a.py", "keep/b.py", "drop/c.py", "drop/d/e.py", ".env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("keep")
    (tmp_path / ".dockerignore").write_text("drop\n.env\n.dockerignore\n")
    assert list(read(tmp_path).files()) == ["a.py", "keep/b.py", "link"]
    (tmp_path / ".dockerignore").write_text("drop\n!drop/d\n.env\n.dockerignore\n")
    context = read(tmp_path)
    assert "drop/d/e.py" in list(context.files())
    assert [path for path, _ in context.entries("drop")] == ["drop/d", "drop/d/e.py"]
    assert [path for path, _ in context.entries(without={"drop", "link"})] == [
        *("a.py", "keep", "keep/b.py"),
    ]


def test_names_need_not_be_utf_8(tmp_path):
    for name in (b"caf\xe9.txt", b"drop\xff"):
        (tmp_path / os.fsdecode(name)).touch()
    (tmp_path / ".dockerignore").write_bytes(b"# caf\xe9\ndrop\xff\n.dockerignore\n")
    assert [os.fsencode(path) for path in read(tmp_path).files()] == [b"caf\xe9.txt"]


def test_a_directory_that_is_not_there_or_can_not_be_read_is_named(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match=r"build\.context: .*there/no: no such directory"):
        read(tmp_path / "there" / "no")

    def scandir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(Refused, match="cannot be read: .* .Permission denied"):
        list(read(tmp_path).files())


def test_what_is_kept_back_need_not_be_readable(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / ".dockerignore").write_text("data\n!README.md\n")
    scan = os.scandir

    def scandir(path):
        if str(path).endswith("data"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list(read(tmp_path).files()) == [".dockerignore"]


@pytest.mark.parametrize("buildkit", [True, False])
@pytest.mark.parametrize("dockerfile", ["Dockerfile", "docker/web", "../web"])
def test_buildkit_prefers_the_patterns_that_are_named_after_the_dockerfile(
    tmp_path, monkeypatch, buildkit, dockerfile
):
    monkeypatch.setattr(image, "buildkit", lambda: {} if buildkit else {"DOCKER_BUILDKIT": "0"})
    context = tmp_path / "context"
    (context / "docker").mkdir(parents=True)
    (context / ".dockerignore").write_text("a")
    assert not read(context, dockerfile).sends("a")
    (context / f"{dockerfile}.dockerignore").write_text("b")
    seen = read(context, dockerfile)
    assert (seen.sends("a"), seen.sends("b")) == (buildkit, not buildkit)


def test_a_dockerfile_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Refused, match=f"there is no {tmp_path}/web"):
        read(tmp_path, "web").instructions()
