"""Secrets taken out of text, in every form in which they travel."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, urlsplit

SHORTEST = 4  # a shorter secret is taken out only where it stands as a word of its own
LINE = 12  # lines of a secret of several lines count alone from this length on


class Redactor:
    """Replaces what it knows by `***`, longest first. Never raises."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        if secret and not secret.isspace():
            self._forms |= forms(secret)
            self._pattern = None

    def __call__(self, text: str) -> str:
        if not self._forms:
            return text
        if self._pattern is None:
            ordered = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_expression, ordered)))
        return self._pattern.sub("***", text)


def forms(secret: str) -> set[str]:
    """Every way in which a secret may stand in a text: raw, quoted for URLs, JSON and shells, in base64."""
    parts = {secret, *_password(secret)}
    parts |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= LINE}
    found: set[str] = set()
    for part in parts:
        found |= {part, quote(part), quote(part, safe=""), quote_plus(part)}
        found |= {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]}
        found |= {part.replace("'", "'\"'\"'"), re.sub(r'([\\"$`])', r"\\\1", part)}
        if len(part) >= SHORTEST:
            found |= _base64(part.encode("utf-8", "surrogateescape"))
    return {form for form in found if form}


def _password(secret: str) -> set[str]:
    """The password inside a URL, as it stands there and decoded."""
    try:
        password = urlsplit(secret).password if "://" in secret else None
    except ValueError:
        password = None
    return {password, unquote(password)} if password else set()


def _base64(data: bytes) -> set[str]:
    """Base64 of the bytes alone, and what stays the same of it inside a longer text, for each of three alignments."""
    found = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found.add(encode(data).decode().rstrip("="))
        for shift in range(3):
            whole = encode(b"\0" * shift + data).decode().rstrip("=")
            # Characters that also hold bits of a neighbour differ from text to text.
            head = (0, 2, 3)[shift]
            tail = len(whole) if (shift + len(data)) % 3 == 0 else len(whole) - 1
            if tail - head >= 2 * SHORTEST:
                found.add(whole[head:tail])
    return found


def _expression(form: str) -> str:
    escaped = re.escape(form)
    return rf"(?<!\w){escaped}(?!\w)" if len(form) < SHORTEST else escaped
