"""What is looked at before Alembic runs, with the application's own scripts and no server."""

from contextlib import contextmanager

import pytest

from edgepaas_tasks.env.migrations import migrate
from edgepaas_tasks.env.migrations.refused import MigrationRefused
from edgepaas_tasks.env.migrations.scripts import read

URL = "postgresql://u:p@h/guestbook"
SCRIPT = """
from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    {line}


def downgrade():
    pass
"""


class Database:
    """A server that knows its revisions and its tables; Alembic's runs are noted, and bring it to where they lead."""

    def __init__(self):
        self.at, self.tables, self.ran = [], 0, []
        self.others = None  # a migration that somebody else runs, as a function: called where its lock is waited for

    def rows(self, statement):
        assert "pg_class" in statement
        return [[self.tables]]

    def close(self):
        pass

    def alembic(self, scripts, url, *words):
        self.ran.append(words)
        self.at = [words[1]]
        return ""


@pytest.fixture
def database(monkeypatch):
    found = Database()

    @contextmanager
    def alone(url, wait):
        if found.others:
            found.others()
        yield found

    monkeypatch.setattr(migrate, "alone", alone)
    monkeypatch.setattr(migrate, "connect", lambda url: found)
    monkeypatch.setattr(migrate, "revisions", lambda connection: list(found.at))
    monkeypatch.setattr(migrate, "alembic", found.alembic)
    return found


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """Scripts by their revisions: the revision before, and what the upgrade does."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (tmp_path / "migrations" / "versions").mkdir(parents=True)

    def chain(**scripts):
        for name, (before, line) in scripts.items():
            text = SCRIPT.format(revision=name[1:], before=before, line=line)
            (tmp_path / "migrations" / "versions" / f"{name}.py").write_text(text)
        return read("alembic.ini")

    return chain


def up(scripts, **more):
    return migrate.up(URL, scripts, **{"allow_destructive": False, "wait": 1, **more})


LOSSY = {"_1": (None, "pass"), "_2": ("1", 'op.drop_column("entries", "mood")')}


def test_what_loses_something_is_refused_with_its_revision_and_place(database, chain):
    database.at = ["1"]
    with pytest.raises(MigrationRefused) as refused:
        up(chain(**LOSSY))
    assert refused.value.kind == "destructive"
    assert str(refused.value) == "2 drops a column (entries.mood) in _2.py:9"
    assert database.ran == []
    assert up(chain(**LOSSY), allow_destructive=True)["at"] == ["2"]


def test_an_empty_database_has_nothing_to_lose(database, chain):
    assert up(chain(**LOSSY))["at"] == ["2"]


def test_a_database_with_tables_and_no_revision_has(database, chain):
    database.tables = 3
    with pytest.raises(MigrationRefused, match="2 drops a column"):
        up(chain(**LOSSY))


def held():
    raise MigrationRefused("locked", "another migration has run for more than 60 s")


def test_a_container_with_nothing_to_migrate_waits_for_nobodys_migration(database, chain):
    database.at, database.others = ["2"], held
    assert up(chain(**LOSSY)) == {"before": ["2"], "at": ["2"], "applied": []}
    database.at = ["3"]
    with pytest.raises(
        MigrationRefused, match="the database is at 3, which this image does not know"
    ) as no:
        up(chain(**LOSSY))
    assert no.value.kind == "ahead"
    database.at = ["1"]
    with pytest.raises(MigrationRefused, match="another migration has run"):
        up(chain(**LOSSY))


def test_what_another_has_done_meanwhile_is_not_done_again(database, chain):
    database.at, database.others = ["1"], lambda: setattr(database, "at", ["2"])
    assert up(chain(**LOSSY)) == {"before": ["2"], "at": ["2"], "applied": []}
    assert database.ran == []


MERGED = {
    "_1": (None, "pass"),
    "_2": ("1", "pass"),
    "_3": ("1", 'op.drop_column("entries", "mood")'),
    "_4": (("2", "3"), "pass"),
}


def test_several_revisions_are_led_to_the_head_that_merges_them(database, chain):
    scripts = chain(**MERGED)
    database.at = ["2", "3"]
    found = migrate.status(URL, scripts)
    assert (found["pending"], found["diverged"]) == (["4"], False)
    assert up(scripts) == {"before": ["2", "3"], "at": ["4"], "applied": ["4"]}


def test_what_the_other_branch_loses_counts_before_a_merge(database, chain):
    database.at = ["2"]
    with pytest.raises(MigrationRefused, match="^3 drops a column"):
        up(chain(**MERGED))
    done = up(chain(**MERGED), allow_destructive=True)
    assert done == {"before": ["2"], "at": ["4"], "applied": ["3", "4"]}


def test_revisions_that_stand_on_each_other_have_diverged(database, chain):
    database.at = ["1", "2"]
    assert migrate.status(URL, chain(**MERGED))["diverged"]
    with pytest.raises(MigrationRefused, match="the database is at several revisions: 1, 2") as no:
        up(chain(**MERGED))
    assert no.value.kind == "diverged"


def test_a_branch_that_an_image_does_not_know_is_ahead_of_it(database, chain):
    """An old container that starts again beside the release with the other branch serves on."""
    database.at = ["2", "9"]
    with pytest.raises(
        MigrationRefused, match="the database is at 9, which this image does not know"
    ) as no:
        up(chain(**MERGED))
    assert no.value.kind == "ahead"


def test_a_way_down_from_a_merge_leaves_the_other_branch(database, chain, monkeypatch):
    scripts = chain(**MERGED)

    def alembic(scripts, url, *words):
        database.at = {"2": ["2", "3"], "1": ["1"]}[words[1]]

    monkeypatch.setattr(migrate, "alembic", alembic)
    database.at = ["4"]
    assert migrate.down(URL, scripts, "2", wait=1)["at"] == ["2", "3"]
    assert migrate.down(URL, scripts, "1", wait=1) == {
        "before": ["2", "3"],
        "at": ["1"],
        "applied": [],
    }
    with pytest.raises(MigrationRefused, match="4 is newer than where the database is, 1"):
        migrate.down(URL, scripts, "4", wait=1)


def test_the_statements_from_several_revisions_can_not_be_written_down(database, chain):
    database.at = ["2", "3"]
    with pytest.raises(
        MigrationRefused, match="no statements from several revisions at once: 2, 3"
    ) as no:
        migrate.sql(URL, chain(**MERGED))
    assert no.value.kind == "diverged"


@pytest.mark.filterwarnings("ignore:Revision 2 referenced")
def test_a_script_that_others_stand_on_and_that_is_missing_is_named(chain, tmp_path):
    chain(**MERGED)
    (tmp_path / "migrations" / "versions" / "_2.py").unlink()
    with pytest.raises(
        MigrationRefused, match="the image lacks the script of revision 2, which 4 .* after"
    ) as no:
        read("alembic.ini")
    assert no.value.kind == "chain"


def test_scripts_in_a_circle_are_refused_with_what_alembic_says(chain):
    chain(**MERGED)
    with pytest.raises(MigrationRefused, match="Cycle is detected in revisions") as no:
        chain(_1=("4", "pass"))
    assert no.value.kind == "scripts"


def test_a_configuration_that_leads_nowhere_is_refused_with_what_alembic_says(chain, tmp_path):
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = elsewhere\n")
    with pytest.raises(MigrationRefused, match="elsewhere") as no:
        read("alembic.ini")
    assert no.value.kind == "scripts"


def test_a_script_that_fails_itself_is_no_broken_chain(chain, tmp_path):
    chain(**MERGED)
    (tmp_path / "migrations" / "versions" / "_2.py").write_text(
        "import os\nos.environ['NO_SUCH']\n"
    )
    with pytest.raises(KeyError, match="NO_SUCH"):
        read("alembic.ini")
