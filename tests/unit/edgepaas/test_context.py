"""The build context as docker build sees it."""

import pytest

from edgepaas_tasks.images import context as contexts


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
    context = contexts.read(tmp_path)
    assert [path for path in sent if not context.sends(path)] == []
    assert [path for path in kept_back if context.sends(path)] == []


def test_files_are_those_that_are_sent(tmp_path):
    for name in ("a.py", "keep/b.py", "drop/c.py", "drop/d/e.py", ".env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("keep")
    (tmp_path / ".dockerignore").write_text("drop\n.env\n.dockerignore\n")
    assert list(contexts.read(tmp_path).files()) == ["a.py", "link", "keep/b.py"]
    (tmp_path / ".dockerignore").write_text("drop\n!drop/d\n.env\n.dockerignore\n")
    assert "drop/d/e.py" in list(contexts.read(tmp_path).files())


def test_reports_of_failed_deploys_make_no_other_version(tmp_path):
    (tmp_path / "app.py").touch()
    before = contexts.read(tmp_path).hash()
    (tmp_path / ".edgepaas" / "reports").mkdir(parents=True)
    (tmp_path / ".edgepaas" / "reports" / "shop-prod-7.md").write_text("why")
    assert contexts.read(tmp_path).hash() == before
