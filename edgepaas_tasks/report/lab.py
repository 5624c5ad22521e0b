"""The lab's hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def lab(found: Mapping[str, Any], ready: Sequence[str] = ()) -> str:
    """The lab's hosts; `ready` are the environments for which they are set up."""
    hosts = found.get("hosts", [])
    if not hosts:
        return "no lab is up; inv lab.up starts one"
    lines = []
    for host in hosts:
        state = "running" if host["running"] else "stopped"
        lines.append(
            f"{host['name']}: {state}, http://127.0.0.1:{host['http']}, "
            f"ssh -i {host['key']} -o UserKnownHostsFile={host['known_hosts']} "
            f"-p {host['port']} {host['user']}@127.0.0.1"
        )
    if found.get("database"):
        lines.append(f"Postgres: DATABASE_URL={found['database']}")
    if found.get("registry"):
        lines.append(f"registry: image: {found['registry']}")
        lines.append(f"          REGISTRY_PASSWORD={found['registry_password']}")
    then = " and ".join(f"inv deploy --env {name}" for name in ready)
    then = then or "inv setup --env lab, then inv deploy --env lab"
    return "\n".join([*lines, f"next: {then}; inv lab.down"])


def lab_json(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return found
