"""How soon `inv --list` answers, against a file of tasks that imports Invoke alone."""

from __future__ import annotations

from pathlib import Path

from bench.measure import alternate, ratio, table
from bench.project import Project
from bench.result import Result, Target
from bench.tools import timed

BARE = '''
from invoke import task


@task
def hello(c):
    """Say hello."""
'''


def startup(project: Project, folder: Path, result: Result, rounds: int) -> None:
    bare = folder / "bare"
    bare.mkdir(exist_ok=True)
    (bare / "tasks.py").write_text(BARE)
    words = project.words("--list")
    found = alternate(
        {
            "invoke alone": lambda: timed(words, env=project.environment, cwd=bare).wall,
            "ours": lambda: timed(words, env=project.environment, cwd=project.folder).wall,
        },
        rounds,
    )
    result.table(
        "inv --list", table(["", "s"], [[name, str(series)] for name, series in found.items()])
    )
    value = ratio(found["ours"], found["invoke alone"])
    result.target(Target("inv --list against invoke alone", value, 1.3))
