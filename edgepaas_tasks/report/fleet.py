"""What runs on each host of a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.report.addresses import addresses
from edgepaas_tasks.report.age import age

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.fleet.maintenance import Page
    from edgepaas_tasks.fleet.status import HostStatus
    from edgepaas_tasks.remote.machine.volume import Seen, Volume
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


def status_json(service: Service, found: Sequence[HostStatus]) -> dict[str, Any]:
    return {
        "service": service.settings.service,
        "environment": service.settings.environment,
        "hosts": [_host_json(one) for one in found],
    }


def _host_json(one: HostStatus) -> dict[str, Any]:
    return {
        "host": one.host,
        "slot": one.slot,
        "release": one.release,
        "version": one.version,
        "image": one.image,
        "since": one.since,
        "health": {
            "ok": one.healthy,
            "status": one.health_status,
            "seconds": one.health_seconds,
        },
        "public": {"status": one.public_status, "release": one.public_release},
        "maintenance": one.maintenance,
        "drift": list(one.drift),
        "database": _database_json(one),
        "containers": list(one.containers),
        "error": one.error,
    }


def _database_json(one: HostStatus) -> dict[str, Any]:
    return {
        "mode": one.database.mode,
        "fallback": one.database.fallback,
        "since": one.database.since,
        "reason": one.database.reason,
    }


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


def routes_json(service: Service, found: Sequence[HostStatus]) -> dict[str, Any]:
    hosts = [
        {
            "host": one.host,
            "port": service.site.listen,
            "slot": one.slot,
            "release": one.release,
            "containers": list(one.containers),
            "error": one.error,
        }
        for one in found
    ]
    return {"service": service.settings.service, "hosts": hosts}


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


def containers_json(service: Service, found: Sequence[HostStatus]) -> dict[str, Any]:
    hosts = [
        {"host": one.host, "containers": list(one.containers), "error": one.error} for one in found
    ]
    return {"service": service.settings.service, "hosts": hosts}


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


def databases_json(service: Service, found: Sequence[HostStatus]) -> dict[str, Any]:
    return {one.host: _database_json(one) for one in found}


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


def maintenance_json(service: Service, found: Sequence[Page]) -> dict[str, Any]:
    hosts = [
        {"host": one.host, "on": bool(one.since), "since": one.since, "error": one.error}
        for one in found
    ]
    return {"service": service.settings.service, "hosts": hosts}


def setup(service: Service, changed: Mapping[str, Sequence[str]]) -> str:
    lines = []
    for host, done in changed.items():
        lines.append(f"{host}: ready" + ("" if done else ", nothing changed"))
        lines += [f"  {line}" for line in done]
    return "\n".join([*lines, f"next: inv deploy --env {service.settings.environment}"])


def volumes(volume: Volume, seen: Mapping[str, Seen], errors: Mapping[str, Exception]) -> str:
    """Whether Docker's data is on its volume, for each host that answered and each that did not."""
    lines = []
    for host, one in volumes_json(volume, seen, errors).items():
        lines.append(f"{host}: {'good' if one['ok'] else 'NOT good'}, {one['found']}")
        if one["ok"]:
            lines.append(f"  {one['free_bytes'] / 2**30:.1f} GiB free")
    return "\n".join(lines)


def volumes_json(
    volume: Volume, seen: Mapping[str, Seen], errors: Mapping[str, Exception]
) -> dict[str, dict[str, Any]]:
    from edgepaas_tasks.remote.machine.volume import state

    found: dict[str, dict[str, Any]] = {
        host: {"ok": False, "volume": volume.id, "found": str(error)}
        for host, error in errors.items()
    }
    for host, one in seen.items():
        good, what = state(volume, one)
        free = max(0, one.filesystem_bytes - one.used_bytes)
        found[host] = {
            "ok": good,
            "volume": volume.id,
            "found": what,
            "device": one.device,
            "bytes": one.bytes,
            "free_bytes": free if good else 0,
        }
    return found
