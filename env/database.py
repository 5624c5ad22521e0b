"""Where the data is: modes, and database URLs that are changed in one place only."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qsl, urlsplit

MODES = ("postgres_only", "try_postgres", "sqlite_only")
_WEAK = ("disable", "allow", "prefer")


def sqlite_url(path: str) -> str:
    """The URL of a file, given by its absolute path."""
    return f"sqlite:///{path}"


def normalise(url: str) -> str:
    """postgres:// becomes postgresql://; everything else stays byte for byte."""
    return re.sub(r"^postgres(?=[:+])", "postgresql", url)


def enforce_ssl(url: str) -> str:
    """At least sslmode=require for a Postgres that is not local; a stronger mode and all other parameters stay."""
    if not url.startswith("postgresql") or _local(url):
        return url
    key = "ssl" if url.startswith("postgresql+asyncpg") else "sslmode"
    base, question, query = url.partition("?")
    modes = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == key]
    if not modes:
        return f"{base}?{query}&{key}=require" if query else f"{base}?{key}=require"
    if any(mode not in _WEAK for mode in modes):
        return url
    return base + question + re.sub(rf"(^|&){key}=[^&]*", rf"\g<1>{key}=require", query)


def mask(url: str) -> str:
    """The URL without its password, for people."""
    return re.sub(r"(://[^/?#]*?:)[^/?#]*@", r"\1***@", url)


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
