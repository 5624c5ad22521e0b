"""What the tasks of the schema call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from edgepaas_tasks.commands.options import number, patience_of
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused
from edgepaas_tasks.database import backup, migrations
from edgepaas_tasks.database import releases as kept
from edgepaas_tasks.fleet import status as statuses
from edgepaas_tasks.lease.lease import held
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.report import schema as report
from edgepaas_tasks.service.service import Service, hosts, service
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.variables import environment
from edgepaas_tasks.variables.environment import Environment


def status(c: Any, env: str, *, release: str) -> str:
    of = _migrated(c, env)
    wanted, values = _number(release), environment.gather(of.settings, ())
    with hosts(of) as found:
        host = found[0]
        state = statuses.look(of, host)
        asked = kept.chosen(state, host.name, wanted)
        schema = migrations.status(of, host, asked, migrations.compose(of, values))
    knowing = kept.knowing(state, schema.at) if schema is not None else 0
    return report.schema(host.name, _whose(wanted), schema, knowing)


def sql(c: Any, env: str, *, release: str) -> str:
    of = _migrated(c, env)
    wanted, values = _number(release), environment.gather(of.settings, ())
    with hosts(of) as found:
        asked = kept.chosen(statuses.look(of, found[0]), found[0].name, wanted)
        return migrations.sql(of, found[0], asked, migrations.compose(of, values))


def up(c: Any, env: str, *, release: str, allow_destructive: bool, wait: str) -> str:
    """Up to the head of the live image or of another one, under the lease."""

    def upgrade(of: Service, host: Host, asked: Release, composed: Environment) -> str:
        done = migrations.up(of, host, asked, composed, allow_destructive=allow_destructive)
        return done.text

    of = _migrated(c, env)
    composed = migrations.compose(of, environment.gather(of.settings, ()))
    return _migrate(of, composed, upgrade, release, wait)


def down(c: Any, env: str, *, to: str, release: str, confirm: str, wait: str) -> str:
    """Down to a revision, under the lease; of a production-like database all the way only with its name typed."""

    def downgrade(of: Service, host: Host, asked: Release, composed: Environment) -> str:
        return migrations.down(of, host, asked, composed, to)

    of = _migrated(c, env)
    composed = migrations.compose(of, environment.gather(of.settings, ()))
    if to == "base" and of.settings.production_like:
        _confirm(of.settings, composed, confirm, "takes back all migrations of")
    return _migrate(of, composed, downgrade, release, wait)


def _migrate(
    of: Service,
    composed: Environment,
    work: Callable[[Service, Host, Release, Environment], str],
    release: str,
    wait: str,
) -> str:
    wanted, patience = _number(release), patience_of(of, wait)
    title = f"migrate {of.settings.app} in {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        host = found[0]
        with held(of, found, progress, "migrate", patience) as (_, states):
            asked = kept.chosen(states[host.name], host.name, wanted)
            with progress.phase("migrate") as phase:
                phase.outcome = work(of, host, asked, composed)
    return f"{host.name}: {phase.outcome}"


def reset(c: Any, env: str, *, confirm: str, wait: str) -> str:
    """Everything in the database goes: not in production, not without its name typed, not without a backup."""
    of = _migrated(c, env)
    name = of.settings.environment
    if of.settings.production_like:
        raise Refused(f"{name} is production-like: its database is never reset from here")
    if not of.settings.database.backup:
        raise Refused(
            "edgepaas.database.backup is not set: a command of yours that is run before the database is emptied"
        )
    values = environment.gather(of.settings, ())
    composed = migrations.compose(of, values)
    database = _confirm(of.settings, composed, confirm, "empties")
    patience = patience_of(of, wait)
    with (
        Progress(f"reset the database of {name}") as progress,
        hosts(of, observe=progress.step) as found,
    ):
        host = found[0]
        with held(of, found, progress, "migrate", patience) as (_, states):
            live = kept.chosen(states[host.name], host.name, None)
            with progress.phase("backup") as phase:
                phase.outcome = backup.run(of.settings, composed)
            with progress.phase("reset") as phase:
                phase.outcome = migrations.reset(of, host, live, composed, database)
    return f"{host.name}: {phase.outcome}"


def _confirm(settings: Settings, composed: Environment, given: str, does: str) -> str:
    """The database's name. Raises Refused unless it was typed."""
    database = migrations.database_name(settings, composed)
    if not database:
        raise Refused("DATABASE_URL names no database")
    loss = f"{does} the database {database} of {settings.environment}"
    if not given and sys.stdin is not None and sys.stdin.isatty():
        print(f"this {loss}.\nType its name to go on: ", end="", file=sys.stderr, flush=True)
        given = sys.stdin.readline().strip()
    if given != database:
        raise Refused(f"not confirmed, nothing was changed: --confirm {database} {loss}")
    return database


def _number(text: str) -> int | None:
    return int(number("release", text, least=1)) if text else None


def _whose(number: int | None) -> str:
    return "the live image" if number is None else f"the image of release {number}"


def _migrated(c: Any, env: str) -> Service:
    of = service(c, env)
    if not migrations.wanted(of):
        raise Refused(
            f"{of.settings.environment} keeps its data in SQLite: the app migrates its own file"
        )
    return of
