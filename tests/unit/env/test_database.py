"""Database URLs: changed in one place, and nothing in them that need not be."""

import pytest

from edgepaas_tasks.env.database import enforce_ssl, normalise, plain, sqlite_path, sqlite_url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("postgres://u:p%40@h/d?x=1", "postgresql://u:p%40@h/d?x=1"),
        ("postgres+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
    ],
)
def test_forms_of_the_scheme(url, normal):
    assert normalise(url) == normal


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////data/mine.db", "/data/mine.db"),
        ("sqlite+aiosqlite:////data/a%20b.db?timeout=5", "/data/a b.db"),
        ("sqlite:///./dev.db", "./dev.db"),
        ("sqlite:///:memory:", ""),
        ("sqlite://", ""),
        ("postgresql://h/d", ""),
    ],
)
def test_the_file_of_a_sqlite_url(url, path):
    assert sqlite_path(url) == path


@pytest.mark.parametrize(
    ("url", "enforced"),
    [
        ("postgresql://u:p@db.example/d", "postgresql://u:p@db.example/d?sslmode=require"),
        ("postgresql://db.example/d?a=b", "postgresql://db.example/d?a=b&sslmode=require"),
        ("postgresql://db.example/d?sslmode=disable", "postgresql://db.example/d?sslmode=require"),
        ("postgresql://db/d?sslmode=prefer&a=%20", "postgresql://db/d?sslmode=require&a=%20"),
        ("postgresql://db/d?sslmode=verify-full", "postgresql://db/d?sslmode=verify-full"),
        ("postgresql://db/d?sslmode=verify-ca", "postgresql://db/d?sslmode=verify-ca"),
        ("postgresql+asyncpg://db/d", "postgresql+asyncpg://db/d?ssl=require"),
        (
            "postgresql+asyncpg://db/d?sslmode=verify-full",
            "postgresql+asyncpg://db/d?ssl=verify-full",
        ),
        (
            "postgresql://db/d?sslmode=verify-ca&sslmode=disable",
            "postgresql://db/d?sslmode=verify-ca&sslmode=require",
        ),
        ("postgresql://db/d?sslmode=%70refer", "postgresql://db/d?sslmode=require"),
        ("postgresql://db/d?sslmode=", "postgresql://db/d?sslmode=require"),
        ("postgresql://localhost/d", "postgresql://localhost/d"),
        ("postgresql://127.0.0.1:5432/d", "postgresql://127.0.0.1:5432/d"),
        ("postgresql://[::1]:5432/d", "postgresql://[::1]:5432/d"),
        ("postgresql:///d?host=/var/run/postgresql", "postgresql:///d?host=/var/run/postgresql"),
        (
            "postgresql://a.example,localhost/d",
            "postgresql://a.example,localhost/d?sslmode=require",
        ),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
    ],
)
def test_tls_is_enforced_for_what_is_not_local_and_never_weakened(url, enforced):
    assert enforce_ssl(url) == enforced
    assert enforce_ssl(enforced) == enforced


def test_with_a_root_certificate_the_server_is_verified_where_nothing_else_is_asked_for():
    assert (
        enforce_ssl("postgresql://db/d", "verify-full") == "postgresql://db/d?sslmode=verify-full"
    )
    required = "postgresql://db/d?sslmode=require"
    assert enforce_ssl(required, "verify-full") == required


@pytest.mark.parametrize(
    ("url", "driver", "understood"),
    [
        ("postgresql+psycopg://u:p%40@h/d?a=b", "psycopg", "postgresql://u:p%40@h/d?a=b"),
        ("postgresql://h/d?sslmode=require", "asyncpg", "postgresql://h/d?sslmode=require"),
        ("postgresql+asyncpg://h/d?ssl=require", "asyncpg", "postgresql://h/d?sslmode=require"),
        (
            "postgresql+asyncpg://h/d?prepared_statement_cache_size=0&ssl=verify-full",
            "asyncpg",
            "postgresql://h/d?sslmode=verify-full",
        ),
        ("postgresql+asyncpg://h/d?prepared_statement_cache_size=0", "asyncpg", "postgresql://h/d"),
        (
            "postgresql+asyncpg://h/d?command_timeout=60&timeout=5&a=b&statement_cache_size=0",
            "asyncpg",
            "postgresql://h/d?a=b",
        ),
    ],
)
def test_a_driver_gets_the_url_as_it_understands_it(url, driver, understood):
    assert plain(url, driver) == understood


def test_a_file_stands_in_for_a_url_of_asyncio_as_one():
    assert sqlite_url("/data/x.db", "postgresql+asyncpg://h/d") == "sqlite+aiosqlite:////data/x.db"
    assert sqlite_url("/data/x.db") == "sqlite:////data/x.db"
