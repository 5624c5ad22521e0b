"""What the tasks of the schema call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from edgepaas_tasks.commands.options import number, parse_wait
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import Refused
from edgepaas_tasks.database import backup, migrations
from edgepaas_tasks.database import releases as kept
from edgepaas_tasks.fleet import status as statuses
from edgepaas_tasks.lease.lease import hold_lease
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.report import schema as report
from edgepaas_tasks.service.service import Service, connect, load_service
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.variables import environment
from edgepaas_tasks.variables.environment import Environment


def status(c: Any, env: str, *, release: str) -> str:
    service = _migrated(c, env)
    wanted, values = _number(release), environment.gather(service.settings, ())
    with connect(service) as hosts:
        host = hosts[0]
        state = statuses.look(service, host)
        asked = kept.chosen(state, host.name, wanted)
        schema = migrations.status(service, host, asked, migrations.compose(service, values))
    release_at_revision = kept.release_at_revision(state, schema.at) if schema is not None else 0
    return report.schema(host.name, _whose(wanted), schema, release_at_revision)


def sql(c: Any, env: str, *, release: str) -> str:
    service = _migrated(c, env)
    wanted, values = _number(release), environment.gather(service.settings, ())
    with connect(service) as hosts:
        asked = kept.chosen(statuses.look(service, hosts[0]), hosts[0].name, wanted)
        return migrations.sql(service, hosts[0], asked, migrations.compose(service, values))


def up(c: Any, env: str, *, release: str, allow_destructive: bool, wait: str) -> str:
    """Up to the head of the live image or of another one, under the lease."""

    def upgrade(service: Service, host: Host, asked: Release, composed: Environment) -> str:
        done = migrations.up(service, host, asked, composed, allow_destructive=allow_destructive)
        return done.text

    service = _migrated(c, env)
    composed = migrations.compose(service, environment.gather(service.settings, ()))
    return _migrate(service, composed, upgrade, release, wait)


def down(c: Any, env: str, *, to: str, release: str, confirm: str, wait: str) -> str:
    """Down to a revision, under the lease; of a production-like database all the way only with its name typed."""

    def downgrade(service: Service, host: Host, asked: Release, composed: Environment) -> str:
        return migrations.down(service, host, asked, composed, to)

    service = _migrated(c, env)
    composed = migrations.compose(service, environment.gather(service.settings, ()))
    if to == "base" and service.settings.production_like:
        _confirm(service.settings, composed, confirm, "takes back all migrations of")
    return _migrate(service, composed, downgrade, release, wait)


def _migrate(
    service: Service,
    composed: Environment,
    work: Callable[[Service, Host, Release, Environment], str],
    release: str,
    wait: str,
) -> str:
    wanted, lease_wait = _number(release), parse_wait(service, wait)
    title = f"migrate {service.settings.app} in {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        host = hosts[0]
        with hold_lease(service, hosts, progress, "migrate", lease_wait) as (_, states):
            asked = kept.chosen(states[host.name], host.name, wanted)
            with progress.phase("migrate") as phase:
                phase.outcome = work(service, host, asked, composed)
    return f"{host.name}: {phase.outcome}"


def reset(c: Any, env: str, *, confirm: str, wait: str) -> str:
    """Everything in the database goes: not in production, not without its name typed, not without a backup."""
    service = _migrated(c, env)
    name = service.settings.environment
    if service.settings.production_like:
        raise Refused(f"{name} is production-like: its database is never reset from here")
    if not service.settings.database.backup:
        raise Refused(
            "edgepaas.database.backup is not set: a command of yours that is run before the database is emptied"
        )
    values = environment.gather(service.settings, ())
    composed = migrations.compose(service, values)
    database = _confirm(service.settings, composed, confirm, "empties")
    lease_wait = parse_wait(service, wait)
    with (
        Progress(f"reset the database of {name}") as progress,
        connect(service, observe=progress.step) as hosts,
    ):
        host = hosts[0]
        with hold_lease(service, hosts, progress, "migrate", lease_wait) as (_, states):
            live = kept.chosen(states[host.name], host.name, None)
            with progress.phase("backup") as phase:
                phase.outcome = backup.run(service.settings, composed)
            with progress.phase("reset") as phase:
                phase.outcome = migrations.reset(service, host, live, composed, database)
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
    service = load_service(c, env)
    if not migrations.wanted(service):
        raise Refused(
            f"{service.settings.environment} keeps its data in SQLite: the app migrates its own file"
        )
    return service
