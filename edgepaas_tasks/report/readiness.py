"""The checks before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.service.readiness import Check


def checks(found: Sequence[Check]) -> str:
    """A line a check, those of one place together; what to do below each that is not good."""
    width = max(len(check.name) for check in found)
    lines = []
    place = ""
    for check in found:
        if check.where != place:
            place = check.where
            lines.append(place)
        lines.append(f"  {check.verdict:<11} {check.name:<{width}}  {check.found}")
        if check.next_step and check.verdict != "ok":
            lines.append(f"  {'':<11} {'':<{width}}  next: {check.next_step}")
    bad = sum(check.verdict == "blocker" for check in found)
    odd = sum(check.verdict == "warning" for check in found)
    lines.append(f"{len(found)} checks: {bad} blockers, {odd} warnings")
    return "\n".join(lines)


def checks_json(found: Sequence[Check]) -> dict[str, Any]:
    return {
        "ok": not any(check.verdict == "blocker" for check in found),
        "checks": [
            {
                "where": check.where,
                "name": check.name,
                "verdict": check.verdict,
                "found": check.found,
                "next": check.next_step,
            }
            for check in found
        ],
    }
