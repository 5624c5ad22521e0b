"""`inv --list` loads Invoke and our signatures, and nothing that a task needs only when it runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_architecture import HEAVY

ROOT = Path(__file__).parents[2]


def loaded(*words: str) -> set[str]:
    """The modules that a process imports, from the interpreter's own account of it."""
    command = [sys.executable, "-X", "importtime", "-m", "invoke", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "deploy" in done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("words", [("--list",), ("--help", "deploy")], ids=" ".join)
def test_nothing_heavy_is_imported_to_say_what_there_is(words):
    names = loaded(*words)
    assert "edgepaas_tasks.namespaces.deploy" in names, "the account has our modules"
    heavy = {name for name in names if name.partition(".")[0] in HEAVY}
    assert not heavy
