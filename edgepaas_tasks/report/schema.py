"""The database's revision and the image's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.database.migrations import Schema


def schema(host: str, found: Schema | None) -> str:
    if found is None:
        return f"{host}: the live image has no Alembic"
    lines = [
        f"{host}: the database is at {', '.join(found.at) or 'nothing'}, "
        f"the live image leads to {found.head or 'nothing'}"
    ]
    if len(found.heads) > 1:
        lines.append(
            "  several heads: alembic merge heads, then deploy; until then nothing is migrated"
        )
    if found.diverged:
        lines.append(
            "  diverged: the database is at several revisions at once; alembic merge heads"
        )
    if found.ahead:
        lines.append(f"  ahead: the live image does not know {', '.join(found.unknown)}")
    lines += [f"  pending: {one}" for one in found.pending]
    return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing pending"])
