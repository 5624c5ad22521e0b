"""The app's variables, as the settings and this machine's sources make them."""

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.variables import environment

CONTRADICTIONS = {
    # mode, DATABASE_URL, what it leads to, the mode that fits; None: no contradiction
    "a file, and Postgres by its short name": (
        "sqlite_only",
        "postgres://u:pw9pw9@h/d",
        "Postgres",
    ),
    "a file, and Postgres": ("sqlite_only", "postgresql+psycopg://u:pw9pw9@h/d", "Postgres"),
    "a file, and MySQL": ("sqlite_only", "mysql://u:pw9pw9@h/d", "neither"),
    "Postgres, and MySQL": ("postgres_only", "mysql+pymysql://u:pw9pw9@h/d", "neither"),
    "Postgres, and a file": ("postgres_only", "sqlite:////data/x.db", "a SQLite file"),
    "Postgres if it answers, and a file": ("try_postgres", "sqlite:////data/x.db", "a SQLite file"),
    "Postgres if it answers, and Mongo": ("try_postgres", "mongodb://u:pw9pw9@h/d", "neither"),
    "Postgres, and PostGIS as Django writes it": ("postgres_only", "postgis://h/d", "neither"),
    "a file, and a file": ("sqlite_only", "sqlite:////data/x.db", None),
    "a file, and nothing": ("sqlite_only", "", None),
    "Postgres, and Postgres": ("postgres_only", "postgres://u:pw9pw9@h/d", None),
    "Postgres if it answers, and Postgres": ("try_postgres", "postgres://u:pw9pw9@h/d", None),
    "Postgres if it answers, and nothing": ("try_postgres", "", None),
    "none, and MySQL": ("none", "mysql://u:pw9pw9@h/d", None),
    "none, and Postgres": ("none", "postgres://u:pw9pw9@h/d", None),
}


@pytest.mark.parametrize(("mode", "url", "leads"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_mode_and_a_url_that_contradict_each_other_are_an_error(
    tmp_path, monkeypatch, mode, url, leads
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / ".env").write_text(f"DATABASE_URL={url}\n")
    tree = {
        "app": "shop",
        "database": {"mode": mode},
        "variables": {"DATABASE_URL": {"type": "string", "secret": True}},
        "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}},
    }
    chosen = settings.load(tree, "test")
    if leads is None:
        assert environment.gather(chosen, ()).problems == ()
        return
    with pytest.raises(SettingsError) as raised:
        environment.gather(chosen, ())
    assert raised.value.problem.startswith(f"DATABASE_URL (.env): leads to {leads}")
    assert f"and database.mode is {mode}: set database.mode: " in raised.value.problem
    assert "pw9pw9" not in str(raised.value)
