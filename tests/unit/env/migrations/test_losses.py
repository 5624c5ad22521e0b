"""What a migration script takes away, read before it runs."""

import pytest

from edgepaas_tasks.env.migrations.losses import destructive

HEAD = """
import sqlalchemy as sa
from alembic import op
from alembic.op import drop_table
from sqlalchemy import delete, text
from elsewhere import IMPORTED

TABLE = "entries"
FILLS = "UPDATE entries SET mood = ''"
entries = sa.table("entries", sa.column("mood"))
"""
SCRIPT = (
    HEAD
    + '''

def upgrade():
    """Drop table entries; this is prose."""
    {line}


def downgrade():
    op.drop_table("entries")
'''
)

LOSES = {
    'op.drop_table("entries")': "drops a table (entries)",
    'drop_table("entries")': "drops a table (entries)",
    'op.drop_table(table_name="entries")': "drops a table (entries)",
    'op.drop_column("entries", "mood")': "drops a column (entries.mood)",
    'op.rename_table("entries", "notes")': "renames a table (entries.notes)",
    'op.alter_column("entries", "mood", new_column_name="feel")': "renames a column (entries.mood)",
    'op.alter_column("entries", "mood", type_=sa.Integer())': "changes a type (entries.mood)",
    'op.alter_column("entries", "mood", nullable=False)': "forbids NULL without a default (entries.mood)",
    'op.alter_column("entries", "mood", nullable=False, server_default=None)': (
        "forbids NULL without a default (entries.mood)"
    ),
    'op.add_column("entries", sa.Column("mood", sa.Text(), nullable=False))': (
        "adds a column that forbids NULL without a default (entries)"
    ),
    'mood = sa.Column("mood", sa.Text(), nullable=False)\n    op.add_column("entries", mood)': (
        "adds a column that forbids NULL without a default (entries)"
    ),
    'op.add_column("entries", column=sa.Column("m", sa.Text(), nullable=False, server_default=None))': (
        "adds a column that forbids NULL without a default (entries)"
    ),
    "op.get_bind().execute(sa.delete(entries))": "deletes rows (entries)",
    "op.execute(delete(entries).where(entries.c.mood == None))": "deletes rows (entries)",
    "op.execute(entries.delete())": "deletes rows (entries)",
    "entries.drop(op.get_bind())": "drops entries",
    'sa.Enum(name="feeling").drop(op.get_bind())': "drops sa.Enum(name='feeling')",
    "sa.MetaData().drop_all(op.get_bind())": "drops all tables",
    # Plain SQL, however it is put together.
    'op.execute("drop  table entries")': "runs drop table entries",
    'op.execute(sa.text("TRUNCATE entries"))': "runs TRUNCATE entries",
    'op.execute(text("DROP TABLE entries"))': "runs DROP TABLE entries",
    'op.execute(sqltext="DROP TABLE entries")': "runs DROP TABLE entries",
    'op.get_bind().execute(text("TRUNCATE entries"))': "runs TRUNCATE entries",
    'op.get_bind().exec_driver_sql("DROP TABLE entries")': "runs DROP TABLE entries",
    'op.execute(f"DROP TABLE {TABLE}")': "runs DROP TABLE entries",
    'op.execute(f"DROP TABLE {op.f(TABLE)}")': "runs DROP TABLE …",
    'op.execute("DROP " + "TABLE " + TABLE)': "runs DROP TABLE entries",
    'op.execute("DROP TABLE {}".format(TABLE))': "runs DROP TABLE …",
    'op.execute("DROP TABLE %s" % TABLE)': "runs DROP TABLE …",
    'for kind in ("VIEW", "TABLE"):\n        op.execute(f"DROP {kind} one")': "runs DROP TABLE one",
    # And whatever it says.
    "op.execute(\"DELETE FROM entries WHERE mood = 'x'\")": "runs DELETE FROM entries WHERE mood = ''",
    'op.execute("-- why\\nDELETE FROM entries")': "runs DELETE FROM entries",
    'op.execute("SELECT 1; DELETE FROM entries")': "runs DELETE FROM entries",
    'op.execute("WITH gone AS (DELETE FROM entries RETURNING *) SELECT 1")': (
        "runs WITH gone AS (DELETE FROM entries RETURNING *) SELECT 1"
    ),
    'op.execute("ALTER TABLE entries DROP author")': "runs ALTER TABLE entries DROP author",
    'op.execute("ALTER TABLE ONLY public.entries DROP COLUMN IF EXISTS author CASCADE")': (
        "runs ALTER TABLE public.entries DROP COLUMN IF EXISTS author CASCADE"
    ),
    'op.execute("ALTER TABLE entries ADD mood numeric(3, 1), DROP author")': (
        "runs ALTER TABLE entries DROP author"
    ),
    'op.execute("ALTER TABLE entries RENAME TO notes")': "runs ALTER TABLE entries RENAME TO notes",
    'op.execute("ALTER TABLE entries RENAME COLUMN mood TO feel")': (
        "runs ALTER TABLE entries RENAME COLUMN mood TO feel"
    ),
    'op.execute("ALTER TABLE entries RENAME mood TO feel")': (
        "runs ALTER TABLE entries RENAME mood TO feel"
    ),
    'op.execute("ALTER TABLE entries ALTER COLUMN mood TYPE integer USING 0")': (
        "runs ALTER TABLE entries ALTER COLUMN mood TYPE integer USING 0"
    ),
    'op.execute("ALTER TABLE entries ALTER mood SET DATA TYPE text")': (
        "runs ALTER TABLE entries ALTER mood SET DATA TYPE text"
    ),
    'op.execute("ALTER TABLE entries ALTER COLUMN mood SET NOT NULL")': (
        "runs ALTER TABLE entries ALTER COLUMN mood SET NOT NULL"
    ),
    'op.execute("ALTER TABLE entries ADD COLUMN mood text NOT NULL")': (
        "runs ALTER TABLE entries ADD COLUMN mood text NOT NULL"
    ),
    'op.execute("ALTER TABLE entries SET SCHEMA old")': "runs ALTER TABLE entries SET SCHEMA old",
    'op.execute("DROP VIEW seen")': "runs DROP VIEW seen",
    'op.execute("DROP MATERIALIZED VIEW IF EXISTS seen")': (
        "runs DROP MATERIALIZED VIEW IF EXISTS seen"
    ),
    'op.execute("DROP SEQUENCE numbers")': "runs DROP SEQUENCE numbers",
    'op.execute("ALTER TYPE feeling RENAME TO mood")': "runs ALTER TYPE feeling RENAME TO mood",
    'op.execute("DO $$ BEGIN IF true THEN DROP TABLE entries; END IF; END $$")': (
        "runs DROP TABLE entries"
    ),
    "op.execute(\"DO $$ BEGIN EXECUTE format('TRUNCATE %I', 'entries'); END $$\")": (
        "runs TRUNCATE %I"
    ),
    "op.execute(\"DO 'BEGIN DROP TABLE entries; END'\")": "runs DROP TABLE entries",
    # Of many ways to put it together none is forgotten.
    'for kind in "VIEW TABLE".split():\n        op.execute(f"DROP {kind} a")': "runs DROP TABLE a",
    "names = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'\n    "
    "[op.execute(f'{a} TABLE {b}_{c}') for a in ('CREATE', 'DROP') for b in names for c in names]": (
        "runs DROP TABLE …_…"
    ),
    # What is only known when it runs.
    "op.execute(IMPORTED)": "runs SQL that cannot be read",
    'op.execute(open("more.sql").read())': "runs SQL that cannot be read",
    'op.get_bind().execute(text(IMPORTED["it"]))': "runs SQL that cannot be read",
    'op.execute(f"{IMPORTED} TABLE entries")': "runs SQL that cannot be read",
    'op.execute(f"ALTER TABLE entries {IMPORTED}")': "runs SQL that cannot be read",
    'op.execute(f"DROP {IMPORTED} entries")': "runs SQL that cannot be read",
    'op.execute("DO $$ BEGIN EXECUTE statement; END $$")': "runs SQL that cannot be read",
}
KEEPS = (
    'op.create_table("notes", sa.Column("id", sa.Integer, nullable=False))',
    'op.add_column("entries", sa.Column("mood", sa.Text()))',
    'op.add_column("entries", sa.Column("mood", sa.Text(), nullable=False, server_default=""))',
    'op.add_column("entries", sa.Column("number", sa.Integer, sa.Identity(), nullable=False))',
    'op.alter_column("entries", "mood", nullable=True)',
    'op.alter_column("entries", "mood", nullable=False, server_default="")',
    'op.alter_column("entries", "mood", comment="drop table entries")',
    'op.create_index("i", "entries", ["mood"])',
    'op.drop_index("i", "entries")',
    'op.drop_constraint("c", "entries")',
    'op.execute("UPDATE entries SET mood = NULL")',
    "op.execute(\"UPDATE entries SET mood = 'DROP TABLE entries; DELETE FROM entries'\")",
    'op.execute("-- DROP TABLE entries\\nSELECT 1")',
    'op.execute("/* TRUNCATE entries; */ SELECT 1")',
    'op.execute("DROP INDEX i; ALTER INDEX i RENAME TO j; DROP TRIGGER t ON entries")',
    'op.execute("ALTER TABLE entries DROP CONSTRAINT c, RENAME CONSTRAINT a TO b")',
    'op.execute("ALTER TABLE entries ALTER mood DROP NOT NULL, ALTER mood DROP DEFAULT")',
    "op.execute(\"ALTER TABLE entries ADD mood text NOT NULL DEFAULT ''\")",
    'op.execute("ALTER TABLE entries ADD number int NOT NULL GENERATED ALWAYS AS IDENTITY")',
    'op.execute("ALTER TABLE entries ADD CONSTRAINT c CHECK (mood IS NOT NULL)")',
    'op.execute("ALTER TABLE entries ADD FOREIGN KEY (a) REFERENCES b ON DELETE CASCADE")',
    "op.execute(\"ALTER TYPE feeling ADD VALUE 'good'\")",
    'op.execute("GRANT SELECT, TRUNCATE ON entries TO one")',
    'op.execute("CREATE TRIGGER t AFTER TRUNCATE ON entries EXECUTE FUNCTION f()")',
    # Stored, and not run.
    'op.execute("CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN DELETE FROM entries; END $$")',
    "op.execute(FILLS)",
    "op.execute(text(FILLS).bindparams(a=1))",
    "op.execute(entries.update().where(entries.c.mood == None).values(mood=''))",
    "op.get_bind().execute(sa.select(entries)).all()",
    "query = sa.select(entries)\n    op.get_bind().execute(query.limit(1))",
    'op.execute(f"UPDATE entries SET mood = {IMPORTED}")',
    'for name in ("a", "b"):\n        op.execute(f"CREATE INDEX {name} ON entries ({name})")',
    'for sql in (FILLS, "SELECT 1"):\n        op.execute(sql)',
    'sql = FILLS if TABLE else "SELECT 1"\n    op.execute(sql)',
    "IMPORTED(TABLE)",
    "print(IMPORTED)",
    'statement = "SELECT 1"\n    statement = statement + " WHERE true"\n    op.execute(statement)',
    'op.execute("ALTER TABLE entries DROP  CONSTRAINT c")',
    "op.execute(\"UPDATE entries SET mood = E'it\\\\'s; DROP TABLE a'\")",
    "pass",
)


def whole(tmp_path, text):
    path = tmp_path / "0002.py"
    path.write_text(HEAD + text)
    return destructive(str(path))


@pytest.fixture
def losses(tmp_path):
    def losses(line):
        text = SCRIPT.replace("{line}", line)
        path = tmp_path / "0002.py"
        path.write_text(text)
        at = text.splitlines().index(f"    {line.splitlines()[0]}") + 1
        found = destructive(str(path))
        places = [f" in 0002.py:{at + more}" for more in range(len(line.splitlines()))]
        assert all(one.endswith(tuple(places)) for one in found), found
        return [one.rpartition(" in ")[0] for one in found]

    return losses


@pytest.mark.parametrize("line", LOSES)
def test_what_loses_something_is_found_with_its_place(losses, line):
    assert LOSES[line] in losses(line)


@pytest.mark.parametrize("line", KEEPS)
def test_what_loses_nothing_is_let_through(losses, line):
    assert losses(line) == []


def test_it_is_said_once(losses):
    assert losses('op.execute("DROP TABLE entries")') == ["runs DROP TABLE entries"]


def test_what_a_batch_does_counts_too(losses):
    line = 'with op.batch_alter_table("entries") as batch:\n        batch.drop_column("mood")'
    assert losses(line) == ["drops a column (mood)"]


ELSEWHERE = {
    "a constant of the module": """
GONE = "DROP TABLE entries"

def upgrade():
    op.execute(GONE)
""",
    "a helper": """
def clean():
    op.execute("DROP TABLE entries")

def upgrade():
    clean()
""",
    "a helper that is handed its statement": """
def run(statement):
    op.get_bind().execute(text(statement))

def upgrade():
    run("DROP TABLE entries")
""",
    "a function of one of several databases": """
def upgrade(engine_name):
    globals()[f"upgrade_{engine_name}"]()

def downgrade(engine_name):
    globals()[f"downgrade_{engine_name}"]()

def upgrade_one():
    op.execute("DROP TABLE entries")

def downgrade_one():
    op.execute("DROP TABLE notes")
""",
    "a coroutine": """
def upgrade():
    async def work(connection):
        await connection.execute(text("DROP TABLE entries"))
    op.run_async(work)
""",
}


@pytest.mark.parametrize("place", ELSEWHERE)
def test_what_is_lost_elsewhere_than_in_upgrade_itself_is_found(tmp_path, place):
    found = whole(tmp_path, ELSEWHERE[place])
    assert [one.rpartition(" in ")[0] for one in found] == ["runs DROP TABLE entries"]


def test_what_only_the_way_back_does_is_let_through(tmp_path):
    text = """
GONE = "DROP TABLE entries"

def upgrade():
    op.create_table("entries")

def _back(statement):
    op.execute(statement)
    op.execute(IMPORTED)

def downgrade():
    _back(GONE)
"""
    assert whole(tmp_path, text) == []


def test_a_helper_that_reads_what_is_handed_to_it_is_known_by_its_callers(tmp_path):
    text = """
def run(statement, *, before="SELECT 1"):
    op.execute(before)
    op.execute(statement)

def upgrade():
    run("SELECT 1")
    run(statement=FILLS)
    {more}
"""
    assert whole(tmp_path, text.format(more="pass")) == []
    found = whole(tmp_path, text.format(more="run(IMPORTED)"))
    assert [one.rpartition(" in ")[0] for one in found] == ["runs SQL that cannot be read"]


def test_a_script_without_its_source_can_not_be_read(tmp_path):
    path = tmp_path / "0002.pyc"
    path.write_bytes(b"\xa7\r\r\n\0\0")
    assert destructive(str(path)) == ["cannot be read (0002.pyc has no source)"]
