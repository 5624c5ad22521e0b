"""What runs on each host of a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.fleet.status import age
from edgepaas_tasks.report.addresses import addresses

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.fleet.maintenance import Page
    from edgepaas_tasks.fleet.status import HostStatus
    from edgepaas_tasks.service.service import Service


def status(service: Service, found: Sequence[HostStatus]) -> str:
    lines = [f"{service.settings.app} in {service.settings.environment}"]
    for one in found:
        if one.error:
            lines.append(one.error)
            continue
        if one.maintenance:
            lines.append(f"  {one.host}: in maintenance for {age(one.maintenance)}")
        if not one.slot:
            lines.append(f"  {one.host}: nothing deployed yet")
            continue
        health = (
            "healthy"
            if one.healthy
            else f"NOT healthy ({service.health_path}: {one.health_status})"
        )
        lines.append(
            f"  {one.host}: release {one.release} ({one.version}) in {one.slot}, {health}, "
            f"live for {age(one.since)}"
        )
        lines += [f"    drift: {problem}" for problem in one.drift]
        if one.database.warning:
            lines.append(f"    WARNING: {one.database.warning} (for {age(one.database.since)})")
            lines.append(
                f"    next: inv db.use --mode postgres --env {service.settings.environment}"
            )
    return "\n".join([*lines, *addresses(service)])


def routes(service: Service, found: Sequence[HostStatus]) -> str:
    """Which slot nginx serves, and what each slot holds."""
    lines = []
    for one in found:
        if one.error:
            lines.append(one.error)
            continue
        live = f"{one.slot}, release {one.release}" if one.slot else "nothing"
        lines.append(f"{one.host}: nginx on port {service.site.listen} routes to {live}")
        for container in one.containers:
            mark = "live" if container["slot"] == one.slot else "idle"
            lines.append(
                f"  {container['slot']:<5} {mark}  release {container['release']} "
                f"({container['version']}), {container['status']}"
            )
    return "\n".join(lines)


def containers(service: Service, found: Sequence[HostStatus]) -> str:
    """The service's containers, a line each."""
    lines = []
    for one in found:
        lines.append(one.error or f"{one.host}: {len(one.containers)} containers")
        lines += [
            f"  {each['name']}: {each['status']}, release {each['release']} ({each['version']}), "
            f"{each['restarts']} restarts"
            for each in one.containers
        ]
    return "\n".join(lines)


def databases(service: Service, found: Sequence[HostStatus]) -> str:
    """Which database the live release uses, a line a host."""
    lines = [
        f"{service.settings.app} in {service.settings.environment}: {service.settings.database.mode} is set"
    ]
    for one in found:
        if one.error:
            lines.append(one.error)
        elif not one.slot:
            lines.append(f"  {one.host}: nothing deployed yet")
        else:
            mode = one.database.mode or "not known: its release does not say"
            lines.append(f"  {one.host}: {mode}, release {one.release}")
        if one.database.warning:
            lines.append(f"    WARNING: {one.database.warning} (for {age(one.database.since)})")
    return "\n".join(lines)


def maintenance(service: Service, found: Sequence[Page]) -> str:
    """Where the maintenance page is up, and what a switch changed."""
    lines = []
    for one in found:
        if one.error:
            lines.append(one.error)
            continue
        state = f"maintenance is on, for {age(one.since)}" if one.since else "maintenance is off"
        lines.append(f"{one.host}: {state}")
        if one.reloaded:
            lines.append("  nginx had another configuration: reloaded once")
    if any(one.since for one in found):
        lines.append(f"next: inv maintenance --off --env {service.settings.environment}")
    return "\n".join(lines)


def setup(service: Service, changed: Mapping[str, Sequence[str]]) -> str:
    lines = []
    for host, done in changed.items():
        lines.append(f"{host}: ready" + ("" if done else ", nothing changed"))
        lines += [f"  {line}" for line in done]
    return "\n".join([*lines, f"next: inv deploy --env {service.settings.environment}"])


def volumes(found: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for host, one in found.items():
        lines.append(f"{host}: {'good' if one['ok'] else 'NOT good'}, {one['found']}")
        if one["ok"]:
            lines.append(f"  {one['free_bytes'] / 2**30:.1f} GiB free")
    return "\n".join(lines)
