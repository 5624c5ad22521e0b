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
