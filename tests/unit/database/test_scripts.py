"""One migration script, as it is read without loading it."""

import contextlib

import pytest

from edgepaas_tasks.database import scripts

OLD = 'revision = "a"\ndown_revision = None\n'


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "1.py"
        path.write_text(text)
        return scripts.read("migrations/1.py", path)

    return read


def test_a_script_has_its_revision_the_ones_it_names_and_its_losses(read):
    up = 'def upgrade():\n    op.drop_table("old")\n'
    found = read(f'revision = "b"\ndown_revision = ("a", "c")\ndepends_on = "d"\n{up}')
    assert (found.name, found.revision, found.after) == ("migrations/1.py", "b", ("a", "c"))
    assert (found.needs, found.labels) == (("d",), ())
    assert found.losses == ("drops a table (old) in 1.py:5",)


def test_a_list_that_only_other_functions_use_is_known(read):
    tables = 'TABLES = ("x",)\n'
    up = "def upgrade():\n    for one in TABLES:\n        op.create_index(one)\n"
    assert read(f'revision = "b"\ndown_revision = ["a"]\n{tables}{up}').after == ("a",)


def test_what_alembic_could_not_load_is_wrong(read):
    with pytest.raises(scripts.Wrong) as raised:
        read("def upgrade(:\n")
    assert raised.value.mistake.found == "migrations/1.py cannot be read: line 1: invalid syntax"
    assert raised.value.mistake.next_step.startswith("correct the script")


COMPUTED = {
    "imported": "from guestbook.revisions import revision\ndown_revision = None\n",
    "all of a module": "from guestbook.revisions import *\n",
    "called": "revision = made()\ndown_revision = None\n",
    "one of two": 'if x:\n    revision = "a"\nelse:\n    revision = "b"\ndown_revision = None\n',
    "the parent": 'revision = "b"\ndown_revision = newest()\n',
    "a tuple": 'revision, down_revision = "a", None\n',
    "by another name": 'revision = "b"\ndown_revision = (elsewhere.FIRST,)\n',
    "by its dictionary": 'globals()["revision"] = "b"\ndown_revision = None\n',
    "by its dictionary, in a function": (
        f'def name():\n    globals()["revision"] = "b"\n{OLD}name()\n'
    ),
    "by a function": f'{OLD}def name():\n    global revision\n    revision = "b"\nname()\n',
    "by a class": f'{OLD}class Name:\n    global revision\n    revision = "b"\n',
    "as an attribute": f'import sys\n{OLD}sys.modules[__name__].revision = "b"\n',
    "by setattr": f'import sys\n{OLD}setattr(sys.modules[__name__], "revision", "b")\n',
    "by its __dict__": f'import sys\n{OLD}sys.modules[__name__].__dict__["revision"] = "b"\n',
    "by a pattern": f'{OLD}match "b":\n    case revision:\n        pass\n',
    "by an exception": f"{OLD}try:\n    x\nexcept NameError as revision:\n    pass\n",
    "a list that grows": 'revision = "b"\ndown_revision = ["a"]\ndown_revision.append("c")\n',
    "a list that grows in a function": (
        'revision = "b"\ndown_revision = ["a"]\ndef grow(where):\n    where += ["c"]\ngrow(down_revision)\n'
    ),
    "a list that grows by another name": (
        'ALL = ["a"]\nrevision = "b"\ndown_revision = ALL\nALL += ["c"]\n'
    ),
    "a list of which one is replaced": (
        'revision = "b"\ndown_revision = ["a"]\ndown_revision[0] = "c"\n'
    ),
}


@pytest.mark.parametrize("text", COMPUTED.values(), ids=COMPUTED)
def test_what_only_running_a_script_would_tell_is_not_known(read, text):
    with pytest.raises(scripts.Unknown, match="^migrations/1.py computes its "):
        read(text)


# Which of them are read depends on the version of Python.
@pytest.mark.parametrize("text", ["-" * 5000 + "1", "1 + (" * 150 + "1" + ")" * 150])
def test_what_is_nested_deeply_is_read_or_said_not_to_be(read, text):
    with contextlib.suppress(scripts.Unknown, scripts.Wrong):
        assert read(f"{OLD}x = {text}\n").revision == "a"
