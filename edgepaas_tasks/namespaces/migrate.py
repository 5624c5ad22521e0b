"""The database's schema, by the application's own Alembic."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.namespaces.options import (
    DESTRUCTIVE_HELP,
    DRY_RUN_HELP,
    ENV_HELP,
    JSON_HELP,
    WAIT_HELP,
    parse_wait,
    release_number,
)

if TYPE_CHECKING:
    from edgepaas_tasks.database.migrations import Schema
    from edgepaas_tasks.remote.host import Host
    from edgepaas_tasks.remote.service.releases import Release
    from edgepaas_tasks.remote.service.state import State
    from edgepaas_tasks.service.service import Service
    from edgepaas_tasks.settings import Settings
    from edgepaas_tasks.variables.environment import Environment

RELEASE_HELP = "Number of a kept release whose scripts are used, good or not (default: the live)."


@task(help={"env": ENV_HELP, "release": RELEASE_HELP, "json": JSON_HELP})
def status(c: Any, env: str = "", release: str = "", json: bool = False) -> None:
    """Show where the database is against the live image."""
    from edgepaas_tasks.database import releases as kept
    from edgepaas_tasks.report import schema as report

    service = _load_migrated(c, env)
    wanted = release_number("release", release)
    found = _schema(service, wanted)
    knows = kept.release_at_revision(found.state, found.schema.at) if found.schema else 0
    answer(report.schema, report.schema_json, found.host, wanted, found.schema, knows, json=json)


@task(help={"env": ENV_HELP, "release": RELEASE_HELP})
def sql(c: Any, env: str = "", release: str = "") -> None:
    """Show what an upgrade would run."""
    from edgepaas_tasks.database import migrations
    from edgepaas_tasks.database import releases as kept
    from edgepaas_tasks.fleet import status as statuses
    from edgepaas_tasks.service.service import connect
    from edgepaas_tasks.variables import environment

    service = _load_migrated(c, env)
    wanted = release_number("release", release)
    values = environment.gather(service.settings, ())
    with connect(service) as hosts:
        asked = kept.chosen(
            statuses.look(service, hosts[0]), hosts[0].name, wanted, service.settings.environment
        )
        say(migrations.sql(service, hosts[0], asked, migrations.compose(service, values)))


@task(
    help={
        "env": ENV_HELP,
        "release": RELEASE_HELP,
        "allow_destructive": DESTRUCTIVE_HELP,
        "wait": WAIT_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def up(
    c: Any,
    env: str = "",
    release: str = "",
    allow_destructive: bool = False,
    wait: str = "",
    dry_run: bool = False,
) -> None:
    """Upgrade the database to the live image's revision."""
    from edgepaas_tasks.database import migrations
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.variables import environment

    def upgrade(service: Service, host: Host, asked: Release, composed: Environment) -> str:
        done = migrations.up(service, host, asked, composed, allow_destructive=allow_destructive)
        return done.text

    service = _load_migrated(c, env)
    if dry_run:
        found = _schema(service, release_number("release", release))
        pending = found.schema.pending if found.schema else ()
        say(dry_run_report.lines({found.host: [f"would run {one}" for one in pending]}))
        return
    composed = migrations.compose(service, environment.gather(service.settings, ()))
    say(_migrate(service, composed, upgrade, release, wait))


@task(
    help={
        "env": ENV_HELP,
        "to": "The revision to go down to, one that the image knows; base for none.",
        "release": RELEASE_HELP,
        "confirm": "The database's name, for base in production.",
        "wait": WAIT_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def down(
    c: Any,
    env: str = "",
    to: str = "",
    release: str = "",
    confirm: str = "",
    wait: str = "",
    dry_run: bool = False,
) -> None:
    """Back up, and downgrade with the live image's scripts."""
    from edgepaas_tasks.database import migrations
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.variables import environment

    if not to:
        raise SettingsError("--to REVISION: which one to go down to; inv migrate.status tells")

    def downgrade(service: Service, host: Host, asked: Release, composed: Environment) -> str:
        return migrations.down(service, host, asked, composed, to)

    service = _load_migrated(c, env)
    if dry_run:
        found = _schema(service, release_number("release", release))
        at = ", ".join(found.schema.at) if found.schema else ""
        say(
            dry_run_report.lines(
                {found.host: [*_backup(service), f"would go from {at or 'nothing'} down to {to}"]}
            )
        )
        return
    composed = migrations.compose(service, environment.gather(service.settings, ()))
    if to == "base" and service.settings.production_like:
        _confirm(service.settings, composed, confirm, "takes back all migrations of")
    say(_migrate(service, composed, downgrade, release, wait))


@task(
    help={
        "env": ENV_HELP,
        "confirm": "The database's name, for where nobody can be asked.",
        "wait": WAIT_HELP,
        "dry_run": DRY_RUN_HELP,
    }
)
def reset(c: Any, env: str = "", confirm: str = "", wait: str = "", dry_run: bool = False) -> None:
    """Back up, empty and migrate anew; never in production."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.database import backup, migrations
    from edgepaas_tasks.database import releases as kept
    from edgepaas_tasks.lease.lease import hold_lease
    from edgepaas_tasks.report import dry_run as dry_run_report
    from edgepaas_tasks.service.service import connect
    from edgepaas_tasks.variables import environment

    service = _load_migrated(c, env)
    name = service.settings.environment
    if service.settings.production_like:
        raise Refused(f"{name} is production-like: its database is never reset from here")
    if not service.settings.database.backup:
        raise Refused(
            "edgepaas.database.backup is not set: a command of yours that is run before the database is emptied"
        )
    composed = migrations.compose(service, environment.gather(service.settings, ()))
    if dry_run:
        found = _schema(service, None)
        head = found.schema.head if found.schema else ""
        name = migrations.database_name(service.settings, composed)
        steps = [f"would empty the database {name}", f"would migrate it to {head or 'nothing'}"]
        say(dry_run_report.lines({found.host: [*_backup(service), *steps]}))
        return
    database = _confirm(service.settings, composed, confirm, "empties")
    lease_wait = parse_wait(service, wait)
    with (
        Progress(f"reset the database of {name}") as progress,
        connect(service, observe=progress.step) as hosts,
    ):
        host = hosts[0]
        with hold_lease(service, hosts, progress, "migrate", lease_wait) as (_, states):
            live = kept.chosen(states[host.name], host.name, None, service.settings.environment)
            with progress.phase("backup") as phase:
                phase.outcome = backup.run(service.settings, composed)
            with progress.phase("reset") as phase:
                phase.outcome = migrations.reset(service, host, live, composed, database)
    say(f"{host.name}: {phase.outcome}")


def _load_migrated(c: Any, env: str) -> Service:
    """The environment's service. Raises Refused where the app migrates its own SQLite file."""
    from edgepaas_tasks.database import migrations
    from edgepaas_tasks.service.service import load_service

    service = load_service(c, env)
    if not migrations.wanted(service):
        raise Refused(
            f"database.mode of {service.settings.environment} is {service.settings.database.mode}: "
            "the app migrates its own database"
        )
    return service


class _Found(NamedTuple):
    """A host, what there is of the service on it, and where the database is; None where the image has no Alembic."""

    host: str
    state: State
    schema: Schema | None


def _schema(service: Service, release: int | None) -> _Found:
    """Where the database is against the image of a release, None for the live one."""
    from edgepaas_tasks.database import migrations
    from edgepaas_tasks.database import releases as kept
    from edgepaas_tasks.fleet import status as statuses
    from edgepaas_tasks.service.service import connect
    from edgepaas_tasks.variables import environment

    values = environment.gather(service.settings, ())
    with connect(service) as hosts:
        host = hosts[0]
        state = statuses.look(service, host)
        asked = kept.chosen(state, host.name, release, service.settings.environment)
        found = migrations.status(service, host, asked, migrations.compose(service, values))
    return _Found(host.name, state, found)


def _backup(service: Service) -> list[str]:
    return ["would run the backup first"] if service.settings.database.backup else []


def _migrate(
    service: Service,
    composed: Environment,
    work: Callable[[Service, Host, Release, Environment], str],
    release: str,
    wait: str,
) -> str:
    """Do the work on the first host, under the lease; returns the answer."""
    from edgepaas_tasks.console.progress import Progress
    from edgepaas_tasks.database import releases as kept
    from edgepaas_tasks.lease.lease import hold_lease
    from edgepaas_tasks.service.service import connect

    wanted, lease_wait = release_number("release", release), parse_wait(service, wait)
    title = f"migrate {service.settings.app} in {service.settings.environment}"
    with Progress(title) as progress, connect(service, observe=progress.step) as hosts:
        host = hosts[0]
        with hold_lease(service, hosts, progress, "migrate", lease_wait) as (_, states):
            asked = kept.chosen(states[host.name], host.name, wanted, service.settings.environment)
            with progress.phase("migrate") as phase:
                phase.outcome = work(service, host, asked, composed)
    return f"{host.name}: {phase.outcome}"


def _confirm(settings: Settings, composed: Environment, given: str, does: str) -> str:
    """The database's name. Raises Refused unless it was typed."""
    from edgepaas_tasks.database import migrations

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


ns = Collection("migrate")
ns.add_task(status, default=True)
ns.add_task(sql)
ns.add_task(up)
ns.add_task(down)
ns.add_task(reset)
