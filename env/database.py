"""Where the data is: modes, and database URLs that are changed in one place only."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qsl, unquote, urlsplit

MODES = POSTGRES, TRYING, SQLITE, NONE = "postgres_only", "try_postgres", "sqlite_only", "none"
_WEAK = ("disable", "allow", "prefer")
# Arguments of asyncpg's connect(), which SQLAlchemy takes from a URL; in one for asyncpg itself they would be settings
# of the server.
_OF_SQLALCHEMY = (
    r"prepared_statement_\w+|statement_cache_size|max_cache\w+|(?:command_)?timeout|direct_tls"
)


_ASYNCIO = ("postgresql+asyncpg", "sqlite+aiosqlite")


def sqlite_url(path: str, like: str = "") -> str:
    """The URL of a file, given by its absolute path; for asyncio where the URL that it stands in for is."""
    return f"sqlite{'+aiosqlite' if like.startswith(_ASYNCIO) else ''}:///{path}"


def sqlite_path(url: str) -> str:
    """The file of a SQLite URL as it is written, a relative one too; "" for other URLs, and for rows in memory."""
    found = re.match(r"sqlite(?:\+\w+)?:///(?!:memory:)([^?]*)", url)
    return unquote(found[1]) if found else ""


def is_postgres(url: str) -> bool:
    return url.startswith("postgresql")


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def mode_of(url: str) -> str:
    """The mode that fits a URL as it is given; an empty one is for an app that keeps its rows in a file."""
    url = normalise(url)
    return POSTGRES if is_postgres(url) else SQLITE if is_sqlite(url) or not url else NONE


def contradiction(mode: str, url: str) -> str:
    """Why a URL cannot be what a mode says, in words without the URL; "" where it can."""
    fits = mode_of(url)
    if not url or mode == NONE or fits == mode or (mode, fits) == (TRYING, POSTGRES):
        return ""
    kind = {POSTGRES: "Postgres", SQLITE: "a SQLite file"}.get(fits, "neither Postgres nor SQLite")
    return f"leads to {kind}, and database.mode is {mode}"


def normalise(url: str) -> str:
    """postgres:// becomes postgresql://; everything else stays byte for byte."""
    return re.sub(r"^postgres(?=[:+])", "postgresql", url)


def enforce_ssl(url: str, least: str = "require") -> str:
    """At least sslmode=`least` for a Postgres that is not local, where the URL asks for none of its own.

    A mode that encrypts stays as it is, as do all other parameters.
    """
    if not is_postgres(url) or _local(url):
        return url
    base, _, query = url.partition("?")
    parts = query.split("&") if query else []
    key = "sslmode"
    if url.startswith("postgresql+asyncpg"):
        # SQLAlchemy hands asyncpg its parameters by name, and there this one is called ssl.
        key = "ssl"
        parts = [re.sub(r"^sslmode=", "ssl=", part) for part in parts]
    weak = [f"{key}={mode}" for mode in ("", *_WEAK)]
    parts = [f"{key}={least}" if unquote(part) in weak else part for part in parts]
    if not any(part.startswith(f"{key}=") for part in parts):
        parts.append(f"{key}={least}")
    return f"{base}?{'&'.join(parts)}"


def plain(url: str, driver: str) -> str:
    """The URL as a driver itself understands it: without SQLAlchemy's name of it, and what only SQLAlchemy reads."""
    url = re.sub(r"^postgresql\+\w+:", "postgresql:", url)
    if driver != "asyncpg":
        return url
    url = re.sub(r"([?&])ssl=", r"\1sslmode=", url)
    url = re.sub(rf"([?&])(?:(?:{_OF_SQLALCHEMY})=[^&]*&?)+", r"\1", url)
    return url.rstrip("?&")


def _local(url: str) -> bool:
    """Whether it leads to this machine: a loopback address or a Unix socket."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    hosts = [query["host"]] if "host" in query else re.split(",", parts.netloc.rpartition("@")[2])
    return all(_local_host(re.sub(r":\d+$", "", host).strip("[]")) for host in hosts)


def _local_host(host: str) -> bool:
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
