"""Why a migration was not begun, or did not end."""

from __future__ import annotations

from typing import Any


class MigrationRefused(Exception):
    """The migration was not begun, or did not end; `kind` tells which reason it is."""

    def __init__(self, kind: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.details = details
