"""`inv env.*` in a project of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VARIABLES = {
    "GREETING": {"type": "string", "default": "hello"},
    "TOKEN": {"type": "string", "secret": True, "required": True},
    "WORKERS": "integer",
}


@pytest.fixture
def inv(tmp_path):
    tree = {
        "app": "shop",
        "variables": VARIABLES,
        "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}},
    }
    (tmp_path / "invoke.yaml").write_text(json.dumps({"edgepaas": tree}))
    (tmp_path / "tasks.py").write_text("from edgepaas_tasks import ns\n")

    def inv(*words, **environment):
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words, "--env", "test"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
        )

    return inv


def test_all_mistakes_are_told_at_once_and_end_in_a_failure(inv, tmp_path):
    (tmp_path / ".env").write_text("WORKERS=many\nGREETNG=x\n")
    done = inv("env.check")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "WORKERS (.env): expected an integer, got 'many'",
        "TOKEN: is required (string)",
    ]


def test_good_variables_are_as_declared(inv, tmp_path):
    (tmp_path / ".env.test").write_text("WORKERS=04\nGREETNG=x\n")
    done = inv("env.check", TOKEN="hunter2hunter2")
    assert done.returncode == 0, done.stderr
    assert "warning: GREETNG (.env.test): is not declared; did you mean GREETING?" in done.stdout
    assert "3 variables of test are as declared" in done.stdout


def test_origins_are_shown_and_secrets_are_not(inv, tmp_path):
    (tmp_path / ".env").write_text("WORKERS=1\nTOKEN=hunter2hunter2\n")
    (tmp_path / ".env.test").write_text("WORKERS=2\n")
    shown = inv("env", "--set", "GREETING=$HOME `id`").stdout
    assert "GREETING  '$HOME `id`'  from --set" in shown
    assert "TOKEN     ***  from .env\n" in shown
    assert "WORKERS   '2'  from .env.test" in shown
    assert "from process environment" in inv("env.show", WORKERS="3").stdout
    assert "hunter2" not in shown
