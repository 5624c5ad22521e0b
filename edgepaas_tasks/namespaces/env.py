"""The app's variables, before any host is asked."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, JSON_HELP, SET_HELP, WAIT_HELP, say, task


@task(help={"env": ENV_HELP, "set_": SET_HELP}, iterable=["set_"])
def check(c: Any, env: str = "", set_: list[str] | None = None) -> None:
    """Check every variable; all mistakes at once."""
    from edgepaas_tasks.commands import env as commands

    say(commands.check(c, env, tuple(set_ or ())))


@task(help={"env": ENV_HELP, "set_": SET_HELP}, iterable=["set_"])
def show(c: Any, env: str = "", set_: list[str] | None = None) -> None:
    """Show every variable and where its value is from."""
    from edgepaas_tasks.commands import env as commands

    say(commands.show(c, env, tuple(set_ or ())))


@task(help={"env": ENV_HELP, "set_": SET_HELP, "json": JSON_HELP}, iterable=["set_"])
def diff(c: Any, env: str = "", set_: list[str] | None = None, json: bool = False) -> None:
    """Compare the variables with what is live, by name."""
    from edgepaas_tasks.commands import env as commands

    say(commands.diff(c, env, tuple(set_ or ()), json=json))


@task(
    help={"env": ENV_HELP, "set_": SET_HELP, "output": "The file to write, for you alone (0600)."},
    iterable=["set_"],
)
def render(c: Any, env: str = "", set_: list[str] | None = None, output: str = "") -> None:
    """Write the canonical file, as a release would have it."""
    from edgepaas_tasks.commands import env as commands

    say(commands.render(c, env, tuple(set_ or ()), output=output))


@task(
    help={
        "env": ENV_HELP,
        "set_": SET_HELP,
        "wait": WAIT_HELP,
    },
    iterable=["set_"],
)
def push(c: Any, env: str = "", set_: list[str] | None = None, wait: str = "") -> None:
    """Make the variables live: a release with the same image."""
    from edgepaas_tasks.commands import env as commands

    say(commands.push(c, env, tuple(set_ or ()), wait=wait))


@task(help={"env": ENV_HELP, "output": "The file to write."})
def example(c: Any, env: str = "", output: str = ".env.example") -> None:
    """Write .env.example from what is declared."""
    from edgepaas_tasks.commands import env as commands

    say(commands.example(c, env, output=output))


ns = Collection("env")
ns.add_task(show, default=True)
ns.add_task(check)
ns.add_task(diff)
ns.add_task(render)
ns.add_task(push)
ns.add_task(example)
