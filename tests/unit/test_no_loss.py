"""No code path of ours takes rows or migration files away, but the one that is asked for by name."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SQL = re.compile(
    r"\bDROP\s+(%s|TABLE|SCHEMA|DATABASE|COLUMN|OWNED|VIEW|TYPE)|\bTRUNCATE\b|\bDELETE\s+FROM\b|drop_all\(|"
    r"['\"]DROP ",
    re.I,
)
FILES = re.compile(r"unlink\(|rmtree\(|os\.remove\(|(^|[;&|{]\s*)rm -|\bfind\b.*-delete")
GUARDED = {
    "env/migrations/reset.py"
}  # behind a name that is typed, never in production, after a backup
LOOKED_FOR = {
    "env/migrations/statements.py": "_GONE = "
}  # what is searched for in the scripts of others


def sources() -> list[Path]:
    found = [
        path
        for package in ("env", "edgepaas_tasks", "remote")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".sh") and "lab" not in path.parts
    ]
    assert len(found) > 80
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_drops_truncates_or_deletes_rows(path):
    name = str(path.relative_to(ROOT))
    lines = path.read_text().splitlines()
    found = [line for line in lines if SQL.search(line) and not _prose(line)]
    if name in LOOKED_FOR:
        found = [line for line in found if not line.startswith(LOOKED_FOR[name])]
    assert bool(found) == (name in GUARDED), found


def test_nothing_in_the_container_removes_a_file():
    """Migrations lie there."""
    for path in (ROOT / "env").rglob("*.py"):
        assert not FILES.search(path.read_text()), path.name


def test_no_script_of_a_host_removes_data():
    """But for our own records of which database is used, and Docker's own data once it was moved to its volume."""
    for path in (ROOT / "remote").rglob("*.sh"):
        for line in path.read_text().splitlines():
            if FILES.search(line) and not _prose(line):
                assert "data" not in line.replace("$base/data/.edgepaas-database-", ""), path.name


def _prose(line: str) -> bool:
    return line.lstrip().startswith(("#", '"""', "'''"))
