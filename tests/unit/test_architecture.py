"""Imports go one way: tasks.py -> edgepaas_tasks -> remote, env; and env needs nothing installed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "edgepaas_tasks"
LINKED = ("env", "remote")  # folders at the top that are packages of ours by a link


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    return [path for path in found if not any(part.is_symlink() for part in path.parents)]


def package_of(path: Path) -> list[str]:
    """The dotted name of the package that a module lies in, as its parts."""
    parts = path.relative_to(ROOT).parts[:-1]
    return [PACKAGE, *parts] if parts[0] in LINKED else list(parts)


def imported(path: Path) -> set[str]:
    """The full names that a module imports, wherever in it; of `from a import b` it is a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = package_of(path)
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", LINKED)
def test_remote_and_env_import_nothing_of_ours_but_themselves(package):
    assert modules(package), f"{package} is empty"
    for path in modules(package):
        foreign = {
            name
            for name in imported(path)
            if name.split(".")[0] == PACKAGE and not f"{name}.".startswith(f"{PACKAGE}.{package}.")
        }
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


@pytest.mark.parametrize("package", LINKED)
def test_the_folders_at_the_top_are_packages_of_ours_by_relative_links(package):
    link = ROOT / PACKAGE / package
    assert link.is_symlink()
    assert link.readlink() == Path("..", package)


def test_nobody_imports_the_folders_at_the_top_by_their_bare_names():
    """A checkout would allow it, and an installation not."""
    for package in (PACKAGE, *LINKED, "tests", "bench", "examples"):
        for path in modules(package):
            bare = {name for name in imported(path) if name.split(".")[0] in LINKED}
            assert not bare, f"{path.relative_to(ROOT)} imports {bare}"


# What the application's image has, imported inside the functions that need it.
THEIRS = {"alembic"}


def test_env_uses_the_standard_library_only():
    for path in modules("env"):
        foreign = {name.split(".")[0] for name in imported(path)}
        foreign -= {*sys.stdlib_module_names, PACKAGE, *THEIRS}
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


@pytest.mark.parametrize("path", modules("env"), ids=lambda path: path.stem)
def test_every_module_of_env_loads_on_a_bare_python(path):
    name = ".".join([*package_of(path), path.stem]).removesuffix(".__init__")
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
    *("env", "remote", "errors", "lab", "settings", "console"),
    *("service", "variables", "database", "images", "lease", "fleet"),
    *("release", "report", "events", "scaffold", "demo", "namespaces", "reference", "program"),
)  # fmt: skip


def rooms_imported(path: Path) -> set[str]:
    """The rooms of edgepaas_tasks that a module imports from, wherever in it."""
    names = [name.split(".") for name in imported(path)]
    return {name[1] for name in names if name[0] == PACKAGE and len(name) > 1 and name[1] != "ns"}


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_between_rooms_go_one_way(room):
    place = ROOT / PACKAGE / room
    paths = sorted(place.resolve().rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    below = {room, *ROOMS[: ROOMS.index(room)]}
    for path in paths:
        above = rooms_imported(path) - below
        assert not above, f"{path.relative_to(ROOT)} imports {above}"


def test_every_module_is_in_a_room():
    found = {path.stem for path in (ROOT / PACKAGE).iterdir() if path.stem[:2] != "__"}
    assert found - {"py"} == set(ROOMS)
