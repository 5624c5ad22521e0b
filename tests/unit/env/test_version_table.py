"""Alembic's own table, wherever an env.py has put it."""

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.env import health, reach
from edgepaas_tasks.env.migrations import migrate
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.variables import environment

TREE = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}


class Asked:
    """A session that knows one table, and notes what it is asked."""

    def __init__(self):
        self.said = []

    def rows(self, statement):
        self.said.append(statement)
        return [["2"]]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, '"alembic_version"'),
        ({"EDGEPAAS_VERSION_TABLE": "Schema_Version"}, '"Schema_Version"'),
        ({"EDGEPAAS_VERSION_TABLE_SCHEMA": "own"}, '"own"."alembic_version"'),
        ({"EDGEPAAS_VERSION_TABLE": "it's", "EDGEPAAS_VERSION_TABLE_SCHEMA": 'a"b'}, '"a""b"."it\'s"'),
    ],
)  # fmt: skip
def test_it_is_asked_by_its_name(monkeypatch, given, name):
    for variable in ("EDGEPAAS_VERSION_TABLE", "EDGEPAAS_VERSION_TABLE_SCHEMA"):
        monkeypatch.delenv(variable, raising=False)
    for variable, text in given.items():
        monkeypatch.setenv(variable, text)
    asked = Asked()
    assert reach.revisions(asked) == ["2"]
    literal = "'" + name.replace("'", "''") + "'"
    assert asked.said == [
        f"SELECT to_regclass({literal})::text",
        f"SELECT version_num FROM {name}",
    ]
    migrate._empty(asked, [])
    assert f"to_regclass({literal})" in asked.said[-1]
    assert literal in health._table()
    assert health._revision().endswith(f"FROM {name}")


def composed(**database):
    tree = {**TREE, "database": {"mode": "postgres_only", **database}}
    found = environment.compose(settings.load(tree, "test"), Resolution({}), 0, "v")
    return canonical.parse(found.text.text())


def test_the_settings_are_handed_to_the_app_and_to_what_migrates():
    assert not {name for name in composed() if "VERSION_TABLE" in name}
    found = composed(version_table="versions", version_table_schema="own")
    assert found["EDGEPAAS_VERSION_TABLE"] == "versions"
    assert found["EDGEPAAS_VERSION_TABLE_SCHEMA"] == "own"
    with pytest.raises(SettingsError, match="version_table"):
        composed(version_table='x"; SELECT 1')
