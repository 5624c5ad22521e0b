"""Whether we can serve: by the package `env`, which a deploy brings along; without it the same in its plainest form."""

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

try:
    from edgepaas_tasks.env import health as env_health
except ImportError:  # a plain `docker run`, or a laptop
    env_health = None  # type: ignore[assignment]

log = logging.getLogger("uvicorn.error")


def ready(engine: Engine, check: Callable[[], object], mode: str) -> tuple[int, dict[str, Any]]:
    """An HTTP status and a body that names no host and no user: anybody may ask."""
    if env_health is not None:
        return env_health.ready(engine, check)
    try:
        check()
    except Exception:
        log.exception("not ready")
        return 503, {"status": "not ready", "database": "other", "database_mode": mode}
    return 200, {"status": "ready", "database": "ready", "database_mode": mode}
