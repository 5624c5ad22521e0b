"""What a build is called, before it is one."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import say, task


@task(
    help={
        "env": "Environment of invoke.yaml (default: what all of them share).",
        "version": "This one, if it may be an image's tag.",
        "no_cache": "For a build that makes every layer anew: a random one.",
    }
)
def version(c: Any, env: str = "", version: str = "", no_cache: bool = False) -> None:
    """Settle the version, before a secret is read."""
    from edgepaas_tasks.commands import docker as commands

    say(commands.version(c, env, asked=version, fresh=no_cache))


ns = Collection("build")
ns.add_task(version, default=True)
