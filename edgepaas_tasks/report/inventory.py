"""The hosts by name and address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgepaas_tasks.remote.cloud.instances import Instance
    from edgepaas_tasks.service.trust import Pinned


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


def hosts_json(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return list(found)


def instances(found: Sequence[tuple[Instance, str]]) -> str:
    """Each instance with the address that we use."""
    return "\n".join(
        f"{one.id}  {one.name or '(no name)'}  {one.state}  {one.zone}  {address}"
        for one, address in found
    )


def instances_json(found: Sequence[tuple[Instance, str]]) -> list[dict[str, Any]]:
    """The instances as EC2 describes them, with the address that we use."""
    return [{**asdict(one), "address": address} for one, address in found]


def pinned(found: Sequence[Pinned]) -> str:
    """Which keys were pinned, and by what."""
    lines = []
    for one in found:
        if one.keys:
            lines.append(f"{one.target.name}: pinned as {one.name} in {one.path}, by {one.source}")
            lines += [f"  {key}" for key in one.keys]
            lines += [
                f"  {pin.key} is revoked, since {pin.path} still names it ({pin.names})"
                for pin in one.stale
            ]
        else:
            kept = ", ".join(map(str, one.kept))
            lines.append(f"{one.target.name}: pinned already, nothing changed ({kept})")
    return "\n".join(lines)
