"""What a backup's command finds in its environment: it runs on this machine, and is no SQLAlchemy."""

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.database import backup, migrations
from edgepaas_tasks.env.values.layers import Resolution, Value
from edgepaas_tasks.service.service import describe

PLAIN = "postgresql://u:p%40ss@db.example.org:5432/shop"


def taken(command, url, direct="", **database):
    variables = {"DATABASE_URL": {"type": "url", "secret": True}, "DIRECT": {"type": "url"}}
    database = {"backup": command, **database}
    tree = {"app": "shop", "variables": variables, "database": database}
    service = describe(settings.load({**tree, "environments": {"test": {}}}, "test"))
    given = {"DATABASE_URL": url, **({"DIRECT": direct} if direct else {})}
    values = {name: Value(name, text, "test", False) for name, text in given.items()}
    return backup.run(service.settings, migrations.compose(service, Resolution(values)))


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgres://u:p%40ss@db.example.org:5432/shop", f"{PLAIN}?sslmode=require"),
        ("postgresql+psycopg://u:p%40ss@db.example.org:5432/shop", f"{PLAIN}?sslmode=require"),
        (f"{PLAIN}?sslmode=verify-ca&options=-csearch_path%3Da", None),
        (
            "postgresql+asyncpg://u:p%40ss@db.example.org:5432/shop"
            "?ssl=verify-full&prepared_statement_cache_size=0&command_timeout=5&application_name=shop",
            f"{PLAIN}?sslmode=verify-full&application_name=shop",
        ),
    ],
)
def test_the_url_is_one_that_pg_dump_takes(tmp_path, monkeypatch, url, wanted):
    monkeypatch.chdir(tmp_path)
    assert taken('printf %s "$DATABASE_URL" >url; echo saved', url) == "backup taken (saved)"
    assert (tmp_path / "url").read_text() == (wanted or url)


def test_it_leads_to_the_server_itself_where_the_app_goes_through_a_pooler(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pooled = PLAIN.replace("5432", "6432")
    taken('printf %s "$DATABASE_URL" >url', pooled, PLAIN, migration_url="DIRECT")
    assert (tmp_path / "url").read_text() == f"{PLAIN}?sslmode=require"


def test_the_root_certificate_is_the_file_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    command = 'printf "%s %s" "$DATABASE_URL" "$PGSSLROOTCERT" >seen'
    taken(command, PLAIN, root_certificate="root.crt")
    seen = (tmp_path / "seen").read_text()
    assert seen == f"{PLAIN}?sslmode=verify-full {tmp_path / 'root.crt'}"


def test_the_url_in_this_form_is_a_secret_too():
    said = taken('echo "$DATABASE_URL"', "postgresql+psycopg://u:hunter2@db.example.org/shop")
    assert said == "backup taken (***)"
