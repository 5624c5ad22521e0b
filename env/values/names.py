"""What the name of an environment tells."""

from __future__ import annotations

import re

PRODUCTION_LIKE = re.compile(r"prod|live", re.IGNORECASE)


def production_like(environment: str) -> bool:
    """Whether it is to be taken for one that people depend on: never a default, never reset."""
    return bool(PRODUCTION_LIKE.search(environment))
