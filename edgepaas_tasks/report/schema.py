"""The database's revision and the image's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.database.migrations import Schema


def schema(host: str, whose: str, found: Schema | None, release_at_revision: int) -> str:
    """`whose` image was asked; `knowing`: a kept release that knows where the database is, 0 for none."""
    if found is None:
        return f"{host}: {whose} has no Alembic"
    lines = [
        f"{host}: the database is at {', '.join(found.at) or 'nothing'}, "
        f"{whose} leads to {found.head or 'nothing'}"
    ]
    if len(found.heads) > 1:
        lines.append(
            "  several heads: alembic merge heads, then deploy; until then nothing is migrated"
        )
    if found.diverged:
        lines.append(
            "  diverged: of these revisions one comes after another; take the older one out of alembic_version"
        )
    if found.ahead:
        by = (
            f"; release {release_at_revision} does: --release {release_at_revision}"
            if release_at_revision
            else ""
        )
        lines.append(f"  ahead: {whose} does not know {', '.join(found.unknown)}{by}")
    lines += [f"  pending: {one}" for one in found.pending]
    return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing pending"])
