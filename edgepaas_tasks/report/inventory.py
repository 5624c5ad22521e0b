"""The hosts by name and address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def hosts(found: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for one in found:
        way = ", on the way to them" if one["role"] == "jump" else ""
        instance = f", {one['instance']}" if one["instance"] else ""
        where = f"{one['user']}@{one['address']}:{one['port']}"
        lines.append(f"{one['name']}: {where}{instance}{way}")
        lines += [f"  pinned: {key}" for key in one["pinned"]]
        if not one["pinned"]:
            lines.append("  no key is pinned: inv hosts.trust pins it")
    return "\n".join(lines)


def instances(found: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"{one['id']}  {one['name'] or '(no name)'}  {one['state']}  {one['zone']}  {one['address']}"
        for one in found
    )
