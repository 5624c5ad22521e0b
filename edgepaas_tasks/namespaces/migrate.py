"""The database's schema, by the application's own Alembic."""

from __future__ import annotations

from typing import Any

from invoke import Collection

from edgepaas_tasks.console.task import ENV_HELP, WAIT_HELP, say, task

RELEASE_HELP = "Number of a kept release whose scripts are used, good or not (default: the live)."


@task(help={"env": ENV_HELP, "release": RELEASE_HELP})
def status(c: Any, env: str = "", release: str = "") -> None:
    """Show where the database is against the live image."""
    from edgepaas_tasks.commands import migrate as commands

    say(commands.status(c, env, release=release))


@task(help={"env": ENV_HELP, "release": RELEASE_HELP})
def sql(c: Any, env: str = "", release: str = "") -> None:
    """Show what an upgrade would run."""
    from edgepaas_tasks.commands import migrate as commands

    say(commands.sql(c, env, release=release))


@task(
    help={
        "env": ENV_HELP,
        "release": RELEASE_HELP,
        "allow_destructive": "Run migrations that drop, rename or change what there is.",
        "wait": WAIT_HELP,
    }
)
def up(
    c: Any, env: str = "", release: str = "", allow_destructive: bool = False, wait: str = ""
) -> None:
    """Upgrade the database to the live image's revision."""
    from edgepaas_tasks.commands import migrate as commands

    say(commands.up(c, env, release=release, allow_destructive=allow_destructive, wait=wait))


@task(
    help={
        "env": ENV_HELP,
        "to": "The revision to go down to, one that the image knows; base for none.",
        "release": RELEASE_HELP,
        "confirm": "The database's name, for base in production.",
        "wait": WAIT_HELP,
    }
)
def down(
    c: Any, env: str = "", to: str = "", release: str = "", confirm: str = "", wait: str = ""
) -> None:
    """Back up, and downgrade with the live image's scripts."""
    from edgepaas_tasks.commands import migrate as commands
    from edgepaas_tasks.settings import SettingsError

    if not to:
        raise SettingsError("--to REVISION: which one to go down to; inv migrate.status tells")
    say(commands.down(c, env, to=to, release=release, confirm=confirm, wait=wait))


@task(
    help={
        "env": ENV_HELP,
        "confirm": "The database's name, for where nobody can be asked.",
        "wait": WAIT_HELP,
    }
)
def reset(c: Any, env: str = "", confirm: str = "", wait: str = "") -> None:
    """Back up, empty and migrate anew; never in production."""
    from edgepaas_tasks.commands import migrate as commands

    say(commands.reset(c, env, confirm=confirm, wait=wait))


ns = Collection("migrate")
ns.add_task(status, default=True)
ns.add_task(sql)
ns.add_task(up)
ns.add_task(down)
ns.add_task(reset)
