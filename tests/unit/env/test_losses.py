"""What a migration script takes away, read before it runs."""

import pytest

from env.losses import destructive

SCRIPT = """
import sqlalchemy as sa
from alembic import op


def upgrade():
    {line}


def downgrade():
    op.drop_table("entries")
"""

LOSES = {
    'op.drop_table("entries")': "drops a table (entries)",
    'op.drop_column("entries", "mood")': "drops a column (entries.mood)",
    'op.rename_table("entries", "notes")': "renames a table (entries.notes)",
    'op.alter_column("entries", "mood", new_column_name="feel")': "renames a column (entries.mood)",
    'op.alter_column("entries", "mood", type_=sa.Integer())': "changes a type (entries.mood)",
    'op.alter_column("entries", "mood", nullable=False)': "forbids NULL without a default (entries.mood)",
    'op.add_column("entries", sa.Column("mood", sa.Text(), nullable=False))': (
        "adds a column that forbids NULL without a default (entries)"
    ),
    'op.execute("drop  table entries")': "runs DROP TABLE",
    'op.execute(sa.text("TRUNCATE entries"))': "runs TRUNCATE",
    'op.execute("DELETE FROM entries")': "runs DELETE FROM",
}
KEEPS = (
    'op.create_table("notes", sa.Column("id", sa.Integer, nullable=False))',
    'op.add_column("entries", sa.Column("mood", sa.Text()))',
    'op.add_column("entries", sa.Column("mood", sa.Text(), nullable=False, server_default=""))',
    'op.alter_column("entries", "mood", nullable=True)',
    'op.alter_column("entries", "mood", nullable=False, server_default="")',
    'op.execute("UPDATE entries SET mood = NULL")',
    'op.create_index("i", "entries", ["mood"])',
    "pass",
)


def script(tmp_path, line):
    path = tmp_path / "0002.py"
    path.write_text(SCRIPT.format(line=line))
    return str(path)


@pytest.mark.parametrize("line", LOSES)
def test_what_loses_something_is_found(tmp_path, line):
    assert LOSES[line] in destructive(script(tmp_path, line))


@pytest.mark.parametrize("line", KEEPS)
def test_what_loses_nothing_is_let_through(tmp_path, line):
    assert destructive(script(tmp_path, line)) == []


def test_what_a_batch_does_counts_too(tmp_path):
    line = 'with op.batch_alter_table("entries") as batch:\n        batch.drop_column("mood")'
    assert destructive(script(tmp_path, line)) == ["drops a column (mood)"]
