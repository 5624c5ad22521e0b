"""What the tasks of versions and images call."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks import settings
from edgepaas_tasks import version as versions


def version(c: Any, env: str, *, asked: str, fresh: bool) -> str:
    """The version, handed on to later steps and jobs. Reads settings and git: no variable, no secret, no host."""
    tree = c.config.get("edgepaas", {})
    chosen = settings.load(tree, env) if env else settings.shared(tree)
    settled = versions.settle(chosen.build, asked, fresh=fresh)
    versions.publish(settled)
    return settled.text
