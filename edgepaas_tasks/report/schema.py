"""The database's revision and the image's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.database.migrations import Schema


def schema(host: str, release: int | None, found: Schema | None, knows: int) -> str:
    """`release`: whose image was asked, None for the live one. `knows`: a kept release whose image knows the
    database's revision, 0 for none. `found` is None where the image has no Alembic.
    """
    whose = "the live image" if release is None else f"the image of release {release}"
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
        by = f"; release {knows} does: --release {knows}" if knows else ""
        lines.append(f"  ahead: {whose} does not know {', '.join(found.unknown)}{by}")
    lines += [f"  pending: {one}" for one in found.pending]
    return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing pending"])


def schema_json(host: str, release: int | None, found: Schema | None, knows: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"host": host, "release": release, "alembic": found is not None}
    if found is not None:
        answer |= {
            "at": list(found.at),
            "heads": list(found.heads),
            "pending": list(found.pending),
            "unknown": list(found.unknown),
            "diverged": found.diverged,
            "known_to_release": knows,
        }
    return answer
