"""Where relative paths start: those of the settings beside invoke.yaml, those of a command line where it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREE = {
    "app": "shop",
    "build": {"context": "."},
    "database": {"mode": "none"},
    "variables": {
        "GREETING": {"type": "string", "default": "hello"},
        "TOKEN": {"type": "string", "secret": True},
    },
    "environments": {
        "test": {"hosts": [{"address": "192.0.2.1"}]},
        "lab": {"lab": {"folder": "hosts/of the lab"}},
    },
}
PROGRAMS = {
    "inv": ("-m", "invoke"),
    "edgepaas": ("-c", "from edgepaas_tasks.program import program; program.run()"),
}


@pytest.fixture(params=PROGRAMS)
def call(request, tmp_path):
    """Calls a task in a directory below the project's."""
    (tmp_path / "invoke.yaml").write_text(json.dumps({"edgepaas": TREE}))
    if request.param == "inv":
        (tmp_path / "tasks.py").write_text("from edgepaas_tasks import ns\n")
    (tmp_path / ".env").write_text("GREETING=from the file\n")
    (tmp_path / "app" / "deep").mkdir(parents=True)

    def call(*words, folder="app/deep", code=0):
        done = subprocess.run(
            [sys.executable, *PROGRAMS[request.param], *words],
            cwd=tmp_path / folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return call


@pytest.mark.parametrize("folder", [".", "app", "app/deep"])
def test_dotenv_files_are_those_beside_the_settings(call, folder):
    assert "GREETING  'from the file'  from .env" in call(
        "env.show", "--env", "test", folder=folder
    )


def test_what_is_written_for_the_operator_is_written_where_the_call_was_typed(call, tmp_path):
    call("env.render", "--env", "test", "--output", "canonical")
    call("env.example", "--env", "test", "--output", "../example")
    assert "from the file" in (tmp_path / "app" / "deep" / "canonical").read_text()
    assert "GREETING" in (tmp_path / "app" / "example").read_text()
    call("env.example", "--env", "test")
    assert (tmp_path / "app" / "deep" / ".env.example").exists()


def test_a_file_that_is_given_is_looked_for_where_the_call_was_typed(call, tmp_path):
    (tmp_path / "app" / "token").write_text("t0ken-t0ken\n")
    words = ("env.check", "--env", "test", "--set")
    assert "as declared" in call(*words, "TOKEN=@../token")
    assert "TOKEN=@token: No such file" in call(*words, "TOKEN=@token", code=2)
    (tmp_path / "app" / "deep" / "latin").write_bytes(b"caf\xe9")
    assert "it is not UTF-8 text" in call(*words, "TOKEN=@latin", code=2)


def test_the_build_context_is_that_of_the_settings(call, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "all")):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    here, below = (call("build.version", "--env", "test", folder=one) for one in (".", "app/deep"))
    assert here == below


def test_the_lab_is_where_the_settings_say(call, tmp_path):
    status = json.loads(call("lab.status", "--json"))
    assert status["folder"] == str(tmp_path / "hosts" / "of the lab")
    status = json.loads(call("lab.status", "--json", "--folder", "other"))
    assert status["folder"] == str(tmp_path / "app" / "deep" / "other")


def test_the_lab_of_the_usual_environment_comes_first(call, tmp_path):
    tree = {
        **TREE,
        "default_env": "second",
        "environments": {
            "first": {"lab": {"folder": "one"}},
            "second": {"lab": {"folder": "two"}, "unknown": True},
        },
    }
    (tmp_path / "invoke.yaml").write_text(json.dumps({"edgepaas": tree}))
    assert json.loads(call("lab.status", "--json"))["folder"] == str(tmp_path / "two")


def test_a_new_project_below_another_one_is_begun_where_the_call_was_typed(call, tmp_path):
    call("init")
    assert (tmp_path / "app" / "deep" / "invoke.yaml").exists()
    (tmp_path / "app" / "new").mkdir()
    call("init", "--folder", "../new")
    assert (tmp_path / "app" / "new" / "invoke.yaml").exists()


def test_tasks_of_the_project_itself_run_where_the_call_was_typed(tmp_path):
    (tmp_path / "invoke.yaml").write_text(json.dumps({"edgepaas": TREE}))
    (tmp_path / "tasks.py").write_text(
        "import os\nfrom invoke import Collection, task\nfrom edgepaas_tasks import ns as edgepaas\n"
        "@task\ndef where(c):\n    print(os.getcwd())\n"
        "ns = Collection(where)\nns.add_collection(edgepaas, 'edge')\n"
    )
    (tmp_path / "app").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "edge.env.check", "--env", "test", "where"],
        cwd=tmp_path / "app",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        "1 variables of test are as declared",
        str(tmp_path / "app"),
    ]
