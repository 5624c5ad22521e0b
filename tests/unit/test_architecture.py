"""Imports go one way: tasks.py -> edgepaas_tasks -> remote, env; and env needs nothing installed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"edgepaas_tasks", "remote", "env"}
MAY_IMPORT = {"env": {"env"}, "remote": {"remote"}, "edgepaas_tasks": OURS}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_arrows_between_packages_go_one_way(package):
    assert modules(package), f"{package} is empty"
    for path in modules(package):
        forbidden = (imported(path) & OURS) - MAY_IMPORT[package]
        assert not forbidden, f"{path.relative_to(ROOT)} imports {forbidden}"


# What the application's image has, imported inside the functions that need it.
THEIRS = {"alembic"}


def test_env_uses_the_standard_library_only():
    for path in modules("env"):
        foreign = imported(path) - set(sys.stdlib_module_names) - {"env"} - THEIRS
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


@pytest.mark.parametrize("path", modules("env"), ids=lambda path: path.stem)
def test_every_module_of_env_loads_on_a_bare_python(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_env_is_not_ignored_by_git():
    done = subprocess.run(["git", "check-ignore", "-q", "env/__init__.py"], cwd=ROOT)
    assert done.returncode == 1


HEAVY = (
    "fabric",
    "paramiko",
    "boto3",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "dotenv",
    "rich",
    "jinja2",
)


def test_listing_the_tasks_loads_nothing_heavy():
    code = "import sys, tasks; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "edgepaas_tasks" in loaded
    assert not loaded & set(HEAVY)


# The rooms of edgepaas_tasks, from the ground up: each may import from those before it, and from none after it.
ROOMS = (
    *("lab", "settings", "console", "targets", "variables", "database", "images", "lease", "fleet"),
    *("release", "report", "events", "scaffold", "demo", "commands", "namespaces", "program"),
)


def rooms_imported(path: Path) -> set[str]:
    """The rooms of edgepaas_tasks that a module imports from, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, rest = node.module.partition(".")
            names = [rest] if rest else [alias.name for alias in node.names]
            if package == "edgepaas_tasks":
                found |= {name.split(".")[0] for name in names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_between_rooms_go_one_way(room):
    place = ROOT / "edgepaas_tasks" / room
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    below = {room, *ROOMS[: ROOMS.index(room)]}
    for path in paths:
        above = rooms_imported(path) - below
        assert not above, f"{path.relative_to(ROOT)} imports {above}"


def test_every_module_is_in_a_room():
    found = {path.stem for path in (ROOT / "edgepaas_tasks").iterdir() if path.stem[:2] != "__"}
    assert found == set(ROOMS)
