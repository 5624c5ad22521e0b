"""The app's variables, before any host is asked."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.boundary import ENV_HELP, SET_HELP, say, task


@task(help={"env": ENV_HELP, "set_": SET_HELP}, iterable=["set_"])
def check(c: Any, env: str = "", set_: list[str] | None = None) -> None:
    """Check every variable; all mistakes at once."""
    from edgepaas_tasks import command

    say(command.env_check(c, env, tuple(set_ or ())))


@task(help={"env": ENV_HELP, "set_": SET_HELP}, iterable=["set_"])
def show(c: Any, env: str = "", set_: list[str] | None = None) -> None:
    """Show every variable and where its value is from."""
    from edgepaas_tasks import command

    say(command.env_show(c, env, tuple(set_ or ())))


ns = Collection("env")
ns.add_task(show, default=True)
ns.add_task(check)
