"""A bare host made ready: packages, engine, directories, nginx. A second run changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepaas_tasks.progress import Progress
from edgepaas_tasks.service import Service
from remote import docker, facts, nginx, service, systems
from remote.host import Host
from remote.parallel import on_each


def setup(of: Service, hosts: Sequence[Host], progress: Progress) -> Mapping[str, tuple[str, ...]]:
    """What was changed on each host, a line each; empty when it was ready already."""
    with progress.phase("look") as phase:
        probe = facts.probe().as_root()
        seen = on_each(hosts, lambda host: facts.parse(host.read(probe)[0].stdout))
        rows = {name: systems.system(found, name) for name, found in seen.items()}
        phase.outcome = ", ".join(sorted({found.os_name or found.os for found in seen.values()}))

    def ready(host: Host) -> tuple[str, ...]:
        results = host.change(
            systems.install(rows[host.name]),
            docker.engine(),
            service.prepare(of.layout),
            nginx.disable_default(),
            nginx.configure(of.site),
        )
        lines = [line for result in results for line in result.text.splitlines()]
        return tuple(_spoken(line) for line in lines if line != "same")

    with progress.phase("make ready") as phase:
        changed = on_each(hosts, ready)
        count = sum(len(lines) for lines in changed.values())
        phase.outcome = f"{count} changes" if count else "nothing to change"
    return changed


def _spoken(line: str) -> str:
    return {"reloaded": "nginx reloaded with a new site", "started": "nginx started"}.get(
        line, line
    )
