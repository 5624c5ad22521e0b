"""What to do next about a migration that was not begun, or did not end."""

from __future__ import annotations

_NEXT = {
    # The database was not reached, or has turned us away.
    "name": "the host's name in {variable}: the hosts look it up, not this machine",
    "refused": "{variable}, the database's firewall, and whether the server runs; inv preflight --env {env} asks again",
    "timeout": "{variable}, the database's firewall (security group); inv preflight --env {env} asks again",
    "starting": "run it again, once the server has come up",
    "tls": "sslmode in {variable}, or TLS on the server",
    "certificate": "edgepaas.database.root_certificate, and the host's name in {variable} against the certificate's",
    "password": "user and password in {variable}; inv env.show --env {env} tells where its value is from",
    "database": "the database's name in {variable}, or create it",
    "connections": "end what holds its connections idle, or let the server have more",
    "driver": "put psycopg, psycopg2 or asyncpg into the Python that the image's command runs on",
    "other": "what the container said above; inv preflight --env {env} asks from the hosts again",
    # The scripts, or where the database is against them.
    "alembic": "put Alembic into the Python that the image's command runs on, or that is its python3",
    "heads": "alembic merge heads, then deploy again",
    "chain": "bring back the script that another one stands on (its down_revision; .dockerignore?), and deploy again",
    "scripts": "fix the scripts or their configuration (alembic heads says the same), and deploy again",
    "ahead": "inv migrate.down --to REVISION --release N --env {env}, by a release that knows it (inv releases); "
    "or deploy the code that knows it",
    "diverged": "take the older one out of the table alembic_version: another of them comes after it",
    "unknown": "--to one of these, whole, or base; --release N for the scripts of another release (inv releases)",
    "newer": "inv migrate.up --release {release} --env {env} goes up",
    "destructive": "read the scripts, or what they run (inv migrate.sql --release {release} --env {env}); "
    "then --allow-destructive",
    # The migration itself.
    "locked": "wait for it; inv migrate.status --env {env} tells where it is",
    "failed": "fix the script and deploy again; the old release keeps serving",
    "incomplete": "inv migrate.status --env {env}; does env.py commit, and does it name a "
    "version_table that edgepaas.database.version_table (or _schema) does not?",
    "pooler": "set edgepaas.database.migration_url to the name of a variable with a URL to the server itself",
    # A reset.
    "production": "another environment: --env NAME; this database cannot be reset with this tool",
    "elsewhere": "{variable}: the server behind it has another database than the name says",
}
_FOR = {
    (
        "failed",
        "down",
    ): "fix the script's downgrade, deploy it, and inv migrate.down again; nothing is lost yet",
    (
        "failed",
        "sql",
    ): "a script that asks the database cannot be written down: read it, or try it on a copy",
    (
        "diverged",
        "sql",
    ): "inv migrate.up --release {release} --env {env} runs them; or read the scripts",
    ("failed", "reset"): "the database is empty: fix the script and deploy again, which migrates",
}


def after(kind: str, action: str, *, release: int, env: str, direct: str) -> str:
    """The next step. `direct` is `database.migration_url`: the variable that migrations take, not DATABASE_URL."""
    if kind == "pooler" and direct:
        return (
            f"a URL to the server itself in {direct}, which edgepaas.database.migration_url names"
        )
    text = _FOR.get((kind, action)) or _NEXT.get(kind, _NEXT["other"])
    return text.format(release=release, env=env, variable=direct or "DATABASE_URL")
