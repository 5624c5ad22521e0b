"""Database URLs: changed in one place, and nothing in them that need not be."""

import pytest

from env.database import enforce_ssl, mask, normalise, sqlite_url


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
    ("url", "enforced"),
    [
        ("postgresql://u:p@db.example/d", "postgresql://u:p@db.example/d?sslmode=require"),
        ("postgresql://db.example/d?a=b", "postgresql://db.example/d?a=b&sslmode=require"),
        ("postgresql://db.example/d?sslmode=disable", "postgresql://db.example/d?sslmode=require"),
        ("postgresql://db/d?sslmode=prefer&a=%20", "postgresql://db/d?sslmode=require&a=%20"),
        ("postgresql://db/d?sslmode=verify-full", "postgresql://db/d?sslmode=verify-full"),
        ("postgresql://db/d?sslmode=verify-ca", "postgresql://db/d?sslmode=verify-ca"),
        ("postgresql+asyncpg://db/d", "postgresql+asyncpg://db/d?ssl=require"),
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


def test_a_password_is_masked():
    assert mask("postgresql://u:p:w@h/d") == "postgresql://u:***@h/d"
    assert sqlite_url("/data/x.db") == "sqlite:////data/x.db"
