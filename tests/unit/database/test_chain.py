"""The project's own migration scripts, as they are read before anything is built."""

import sys
import warnings

import pytest

from edgepaas_tasks.database import chain as chains
from edgepaas_tasks.env.migrations import scripts as of_image

INI = "[alembic]\nscript_location = %(here)s/migrations\n"
ADD = 'op.add_column("entries", sa.Column("mood", sa.String(20)))'
OLD = 'revision = "a"\ndown_revision = None\n'


def script(revision, after=None, up="pass", **more):
    lines = [f"revision = {revision!r}", f"down_revision = {after!r}"]
    lines += [f"{name} = {value!r}" for name, value in more.items()]
    return "\n".join([*lines, "", "def upgrade():", f"    {up}", ""])


@pytest.fixture
def read(tmp_path):
    """Writes files, the scripts below migrations/versions, and reads them as the build's."""

    def read(scripts, ini=INI, configuration="alembic.ini", sends=lambda path: True):
        given = {f"migrations/versions/{name}": text for name, text in scripts.items()}
        for name, text in {configuration: ini, **given}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return chains.read(tmp_path, configuration, sends)

    return read


BROKEN = {
    "two heads": (
        {"1.py": script("a"), "2.py": script("b", "a"), "3.py": script("c", "a")},
        "migrations: several newest revisions: b, c (2.py, 3.py)",
        "alembic merge heads",
    ),
    "two bases": (
        {"1.py": script("a"), "2.py": script("b")},
        "several newest revisions: a, b",
        "alembic merge heads",
    ),
    "two heads, one of which only depends on the other": (
        {"1.py": script("a"), "2.py": script("b", depends_on="a")},
        "several newest revisions: a, b",
        "alembic merge heads",
    ),
    "a parent that is not there": (
        {"1.py": script("a"), "2.py": script("c", "b"), "3.py": script("d", "c")},
        "migrations/versions/2.py: revision c comes after b, and no script of the build context has revision b",
        "down_revision",
    ),
    "one parent of a merge is not there": (
        {"1.py": script("a"), "2.py": script("c", ("a", "b"))},
        "revision c comes after b",
        "down_revision",
    ),
    "a parent by its branch label": (
        {"1.py": script("a", branch_labels="x"), "2.py": script("b", "x")},
        "revision b comes after x",
        "down_revision",
    ),
    "a dependency that is not there": (
        {"1.py": script("a"), "2.py": script("b", "a", depends_on=("x",))},
        "revision b depends on x",
        "depends_on",
    ),
    "no Python": (
        {"1.py": script("a"), "2.py": 'revision = "b"\ndown_revision = "a"\ndef upgrade(:\n'},
        "migrations/versions/2.py cannot be read: line 3: invalid syntax",
        "correct the script",
    ),
    "a conflict that was committed": (
        {"1.py": f"{OLD}<<<<<<< HEAD\n"},
        "migrations/versions/1.py cannot be read: line 3: ",
        "correct the script",
    ),
    "bytes that are no UTF-8": (
        {"1.py": b'"""caf\xe9"""\n' + OLD.encode()},
        "migrations/versions/1.py cannot be read: ",
        "correct the script",
    ),
    "a null byte": ({"1.py": OLD.encode() + b"\0"}, "1.py cannot be read: ", "correct the script"),
    "no revision": (
        {"1.py": script("a"), "helpers.py": "def add(): pass\n"},
        "migrations/versions/helpers.py sets no revision",
        "revision",
    ),
    "no down_revision": (
        {"1.py": 'revision = "a"\n'},
        "migrations/versions/1.py sets no down_revision",
        "down_revision = None",
    ),
    "a revision that is a number": (
        {"1.py": "revision = 1\ndown_revision = None\n"},
        "migrations/versions/1.py: revision is 1, not a text",
        "quotes",
    ),
    "a parent that is a number": (
        {"1.py": script("a"), "2.py": script("b", 1)},
        "migrations/versions/2.py: down_revision is 1, not a text",
        "quotes",
    ),
    "the same revision twice": (
        {"1.py": script("a"), "2.py": script("b", "a"), "copy.py": script("b", "a")},
        "revision b is in several scripts: 2.py, copy.py",
        "alembic revision",
    ),
    "a circle": (
        {"1.py": script("a", "b"), "2.py": script("b", "a")},
        "Cycle is detected in revisions (a, b)",
        "down_revision",
    ),
    "a circle of one": (
        {"1.py": script("a", "a")},
        "migrations/versions/1.py: Self-loop is detected in revisions (a)",
        "down_revision",
    ),
    "a branch label twice": (
        {"1.py": script("a", branch_labels="x"), "2.py": script("b", "a", branch_labels="x")},
        "Branch name 'x' in revision",
        "correct",
    ),
}


@pytest.mark.parametrize(("scripts", "found", "then"), BROKEN.values(), ids=BROKEN)
def test_what_is_certainly_wrong_is_found(read, scripts, found, then):
    (mistake,) = read(scripts).mistakes
    assert found in mistake.found
    assert then in mistake.next_step


@pytest.mark.parametrize("scripts", [one[0] for one in BROKEN.values()], ids=BROKEN)
def test_what_is_certainly_wrong_is_refused_from_the_image_too(
    read, scripts, tmp_path, monkeypatch
):
    read(scripts)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception):  # noqa: B017, PT011
            _ = of_image.read("alembic.ini").head


def test_every_script_that_cannot_be_read_is_named(read):
    found = [one.found for one in read({"1.py": "(", "2.py": "(", "3.py": script("a")}).mistakes]
    assert [one.partition(" ")[0] for one in found] == [
        "migrations/versions/1.py",
        "migrations/versions/2.py",
    ]


TYPED = '''"""mood

Revision ID: b
"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "b"
down_revision: Union[str, Sequence[str], None] = "a"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    revision = "not this one"
'''
GOOD = {
    "none": ({}, ()),
    "one": ({"1.py": script("a")}, ("a",)),
    "as Alembic writes it": ({"1.py": script("a"), "2.py": TYPED}, ("b",)),
    "a merge": (
        {
            "1.py": script("a"),
            "2.py": script("b", "a"),
            "3.py": script("c", "a"),
            "4.py": script("d", ("b", "c")),
        },
        ("d",),
    ),
    "branch labels, and a dependency by one": (
        {
            "1.py": script("a", branch_labels=("left",)),
            "2.py": script("b", branch_labels=["right"]),
            "3.py": script("c", "b", depends_on="left"),
            "4.py": script("d", ("a", "c")),
        },
        ("d",),
    ),
    "names for revisions": (
        {"1.py": 'FIRST = "a"\nrevision = FIRST\ndown_revision = ()\n', "2.py": script("b", ["a"])},
        ("b",),
    ),
    "of the time before Alembic 0.2": ({"1a2b.py": "down_revision = None\n"}, ("1a2b",)),
    "another encoding that is declared": (
        {"1.py": b"# -*- coding: latin-1 -*-\n" + OLD.encode() + b"# caf\xe9\n"},
        ("a",),
    ),
    "files that Alembic passes over": (
        {
            "1.py": script("a"),
            "__init__.py": "",
            ".#1.py": "(",
            "notes.txt": "(",
            "1.pyc": b"\0",
            "__pycache__/x.py": "(",
            "below/2.py": "(",
        },
        ("a",),
    ),
    "the app's own modules": (
        {"1.py": f"import nobody_has_this\nfrom guestbook.models import Base\n{OLD}"},
        ("a",),
    ),
}


@pytest.mark.parametrize(("scripts", "heads"), GOOD.values(), ids=GOOD)
def test_what_is_in_order_has_one_newest_revision(read, scripts, heads, tmp_path, monkeypatch):
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    found = read(scripts)
    assert (found.mistakes, found.unknown, found.heads) == ((), "", heads)
    if "1.py" not in scripts or "nobody_has_this" not in str(scripts["1.py"]):
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.chdir(tmp_path)
        assert tuple(of_image.read("alembic.ini").heads) == heads


def test_nothing_of_the_project_is_executed_or_imported(read, tmp_path, monkeypatch):
    ran = f'open({str(tmp_path / "ran")!r}, "w")\n'
    for name in ("migrations/env.py", "guestbook/__init__.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(ran)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guestbook" / "scripts").mkdir()
    read({})  # loads Alembic
    before = set(sys.modules), list(sys.path)
    ini = "[alembic]\nprepend_sys_path = .\nscript_location = "
    versions = {"1.py": f"{ran}import guestbook\n{OLD}"}
    assert read(versions, f"{ini}%(here)s/migrations\n").heads == ("a",)
    assert read({}, f"{ini}guestbook:scripts\n").unknown
    assert not (tmp_path / "ran").exists()
    assert (set(sys.modules), list(sys.path)) == before


def test_a_chain_with_a_script_that_computes_its_revision_is_not_known(read):
    computed = "revision = made()\ndown_revision = None\n"
    found = read({"1.py": script("a"), "2.py": computed, "3.py": script("c", "gone")})
    assert (found.mistakes, found.heads) == ((), ())
    assert found.unknown.startswith("migrations/versions/2.py computes its revision")


def test_a_link_that_leads_to_itself_is_not_known(read, tmp_path):
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "1.py").symlink_to(versions / "1.py")
    assert "1.py" in read({}).unknown
    (versions / "1.py").unlink()
    versions.rmdir()
    versions.symlink_to(versions)
    assert read({}).heads == ()


def test_what_cannot_be_read_is_certain_beside_what_is_not_known(read):
    found = read({"1.py": "(", "2.py": "revision = made()\n"})
    assert [one.found.partition(" ")[0] for one in found.mistakes] == ["migrations/versions/1.py"]


PLACES = {
    "against the ini": ("%(here)s/migrations", "alembic.ini"),
    "against the working directory": ("migrations", "alembic.ini"),
    "against the working directory, not the ini": ("migrations", "configuration/alembic.ini"),
    "in a package": ("migrations:.", "alembic.ini"),
    "upwards from the ini": ("%(here)s/../migrations", "configuration/alembic.ini"),
}


@pytest.mark.parametrize(("location", "configuration"), PLACES.values(), ids=PLACES)
def test_the_scripts_are_where_alembic_finds_them_in_the_image(read, location, configuration):
    found = read({"1.py": script("a")}, f"[alembic]\nscript_location = {location}\n", configuration)
    assert (found.heads, found.unknown) == (("a",), "")


def test_a_folder_with_a_percent_sign_in_its_name_is_found(tmp_path):
    folder = tmp_path / "100%" / "versions"
    folder.mkdir(parents=True)
    (folder / "1.py").write_text(script("a"))
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/100%%\n")
    assert chains.read(tmp_path, "alembic.ini", lambda path: True).heads == ("a",)


@pytest.mark.parametrize("separator", ["", "path_separator = os\n", "path_separator = newline\n"])
def test_scripts_in_several_folders_are_one_chain(read, tmp_path, separator):
    between = {"": " ", "path_separator = os\n": ":"}.get(separator, "\n    ")
    places = between.join(("%(here)s/migrations/versions", "%(here)s/more"))
    ini = f"{INI}version_locations = {places}\n{separator}"
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "2.py").write_text(script("b", "a"))
    assert read({"1.py": script("a")}, ini).heads == ("b",)
    (tmp_path / "more" / "3.py").write_text(script("c", "a"))
    (mistake,) = read({}, ini).mistakes
    assert "several newest revisions: b, c" in mistake.found


def test_folders_below_are_read_where_alembic_is_told_to(read):
    scripts = {"1.py": script("a"), "2026/2.py": script("b", "a")}
    assert read(scripts).heads == ("a",)
    assert read(scripts, f"{INI}recursive_version_locations = true\n").heads == ("b",)


UNKNOWN = {
    "Flask-Migrate's": ("[alembic]\n# template used to generate migration files\n", "sets no script_location"),
    "no section": ("[loggers]\nkeys = root\n", "sets no script_location"),
    "no ini": ("script_location = migrations\n", "cannot be read"),
    "a placeholder of env.py's": ("[alembic]\nscript_location = %(PLACE)s\n", "cannot be read"),
    "elsewhere in the image": ("[alembic]\nscript_location = /app/migrations\n", "/app/migrations is not"),
    "outside of the context": ("[alembic]\nscript_location = %(here)s/..\n", "is not"),
    "an installed package": ("[alembic]\nscript_location = json:migrations\n", "json:migrations is not"),
    "one of several folders": (f"{INI}version_locations = migrations/versions more\n", "more is not"),
    "scripts without a source": (f"{INI}sourceless = true\n", "sourceless"),
}  # fmt: skip


@pytest.mark.parametrize(("ini", "found"), UNKNOWN.values(), ids=UNKNOWN)
def test_where_the_scripts_are_not_here_nothing_is_wrong(read, ini, found):
    chain = read({"1.py": "("}, ini, "migrations/alembic.ini" if "Flask" in ini else "alembic.ini")
    assert (chain.mistakes, chain.losses) == ((), ())
    assert found in chain.unknown


def test_a_project_without_alembic_has_no_chain(tmp_path):
    assert chains.read(tmp_path, "alembic.ini", lambda path: True) is None
    (tmp_path / "alembic.ini").mkdir()
    assert chains.read(tmp_path, "alembic.ini", lambda path: True) is None


@pytest.mark.parametrize("absolute", [True, False])
def test_a_configuration_outside_of_the_context_is_not_read(tmp_path, absolute):
    (tmp_path / "alembic.ini").write_text(INI)
    (tmp_path / "app").mkdir()
    configuration = str(tmp_path / "alembic.ini") if absolute else "../alembic.ini"
    assert chains.read(tmp_path / "app", configuration, lambda path: True) is None


def test_what_the_build_does_not_send_does_not_count(read):
    scripts = {"1.py": script("a"), "2.py": script("b", "a"), "draft.py": script("c", "a")}
    draft = "migrations/versions/draft.py"
    assert read(scripts, sends=lambda path: path != draft).heads == ("b",)
    parent = "migrations/versions/1.py"
    (mistake,) = read({"draft.py": "pass"}, sends=lambda path: path not in (draft, parent)).mistakes
    assert "comes after a" in mistake.found
    assert ".dockerignore" in mistake.next_step
    assert read({}, sends=lambda path: path != "alembic.ini") is None


def test_links_count_by_what_they_lead_to(read, tmp_path):
    (tmp_path / "kept.py").write_text(script("a"))
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "1.py").symlink_to(tmp_path / "kept.py")
    (versions / "2.py").symlink_to(tmp_path / "kept.py")
    assert read({}).heads == ("a",), "the same file twice is one script"
    for held_back in ("kept.py", "migrations/versions/1.py"):
        (versions / "2.py").unlink(missing_ok=True)
        found = read({}, sends=lambda path, held_back=held_back: path != held_back)
        assert (found.heads, found.unknown) == ((), ""), "neither goes without the other"
    (versions / "3.py").symlink_to(chains.__file__)
    assert "3.py" in read({}).unknown


def test_what_takes_something_away_is_told_from_the_newest(read):
    found = read(
        {
            "1.py": script("a", up='op.drop_table("old")'),
            "2.py": script("b", "a", up='op.drop_column("entries", "mood")'),
            "3.py": script("c", "b", up=ADD),
        }
    )
    assert found.losses == (
        "b drops a column (entries.mood) in 2.py:5",
        "a drops a table (old) in 1.py:5",
    )
    assert found.mistakes == ()
