"""The version that a build gets."""

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
    from edgepaas_tasks import settings
    from edgepaas_tasks.images.building import version as versions

    # Settings and git only: no variable, no secret, no host.
    tree = c.config.get("edgepaas", {})
    chosen = settings.load(tree, env) if env else settings.shared(tree)
    settled = versions.settle(chosen.build, version, fresh=no_cache)
    versions.publish(settled)
    say(settled.text)


ns = Collection("build")
ns.add_task(version)
