"""The types a variable can have: each takes a text and gives its one normal form, or says what it expected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})


class Expected(ValueError):
    """What a value should have been; never the value."""


def string(text: str) -> str:
    return text


def integer(text: str) -> str:
    if not re.fullmatch(r"[+-]?[0-9]+", text.strip(), re.ASCII):
        raise Expected("an integer")
    return str(int(text))


def number(text: str) -> str:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise Expected("a number")
    return text.strip()


def boolean(text: str) -> str:
    word = text.strip().lower()
    if word in TRUE:
        return "true"
    if word in FALSE:
        return "false"
    raise Expected("true or false (also yes, no, on, off, 1, 0)")


def url(text: str) -> str:
    """Left byte for byte; driver forms of SQLAlchemy (postgresql+psycopg://) and sqlite:////path are URLs too."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # raises for a port that is none
    except ValueError:
        raise Expected("a URL") from None
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", parts.scheme) or "://" not in text:
        raise Expected("a URL with a scheme, like https://…")
    if not parts.netloc and not parts.path and parts.scheme != "sqlite":
        raise Expected("a URL with a host or a path")
    if re.search(r"\s", text):
        raise Expected("a URL without white space")
    return text


def email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", text.strip()):
        raise Expected("an e-mail address")
    return text.strip()


def port(text: str) -> str:
    digits = text.strip()
    if not re.fullmatch(r"[0-9]{1,5}", digits, re.ASCII) or not 1 <= int(digits) <= 65535:
        raise Expected("a port from 1 to 65535")
    return str(int(digits))


def path(text: str) -> str:
    if not text.strip():
        raise Expected("a path")
    return text


def json_text(text: str) -> str:
    try:
        json.loads(text)
    except ValueError:
        raise Expected("JSON") from None
    return text


KINDS: dict[str, Callable[[str], str]] = {
    "string": string,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "url": url,
    "email": email,
    "port": port,
    "path": path,
    "choice": string,
    "json": json_text,
}
