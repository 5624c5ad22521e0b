"""CONTRIBUTING.md and docs/design.md name files and folders that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/design.md"])
def test_every_path_that_a_page_names_is_there(page):
    named = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", (ROOT / page).read_text()))
    top = {path.name for path in ROOT.iterdir()}
    paths = {name for name in named if "/" in name.rstrip("/") and name.split("/")[0] in top}
    assert len(paths) > 5
    missing = {name for name in paths if not (ROOT / name).exists()}
    assert not missing
    packages = {name for name in named if name.startswith(("edgepaas_tasks/", "remote/", "env/"))}
    assert packages, "the pages describe the code"


def test_the_tests_of_a_module_are_where_it_is():
    """tests/unit/a/b/test_module.py tests a/b/module.py; a word more may name a part of it."""
    stray = []
    for path in sorted((ROOT / "tests" / "unit").rglob("test_*.py")):
        folder = path.parent.relative_to(ROOT / "tests" / "unit")
        if folder == Path():
            continue  # about the repository as a whole
        modules = ROOT / "edgepaas_tasks" / folder
        words = path.stem.removeprefix("test_").split("_")
        starts = ("_".join(words[:count]) for count in range(len(words), 0, -1))
        if not any((modules / f"{start}.py").is_file() for start in starts):
            stray.append(str(path.relative_to(ROOT)))
    assert not stray
