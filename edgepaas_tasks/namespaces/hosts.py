"""The hosts of an environment, and whether they are the ones that they were."""

from __future__ import annotations

import json as jsons
from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, JSON_HELP, say, task


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def show(c: Any, env: str = "", json: bool = False) -> None:
    """Show the hosts and which keys are pinned for them."""
    from edgepaas_tasks.commands import hosts as commands
    from edgepaas_tasks.report import inventory as report

    found = commands.show(c, env)
    say(jsons.dumps(found, indent=2) if json else report.hosts(found))


@task(
    help={
        "env": ENV_HELP,
        "host": "One host, by name or address (default: all, and those on the way to them).",
        "from_": "A known_hosts file that somebody trustworthy gave.",
        "console": "What the instance announced on its console, read through EC2.",
        "fingerprint": "SHA256:… as the host's own console shows it, may be repeated.",
        "replace": "Also where another key is pinned: the host was rebuilt.",
    },
    iterable=["fingerprint"],
)
def trust(
    c: Any,
    env: str = "",
    host: str = "",
    from_: str = "",
    console: bool = False,
    fingerprint: list[str] | None = None,
    replace: bool = False,
) -> None:
    """Pin host keys that something vouches for."""
    from edgepaas_tasks.commands import hosts as commands

    say(
        commands.trust_hosts(
            c,
            env,
            host=host,
            source=from_,
            console=console,
            fingerprints=tuple(fingerprint or ()),
            replace=replace,
        )
    )


ns = Collection("hosts")
ns.add_task(show, default=True)
ns.add_task(trust)
