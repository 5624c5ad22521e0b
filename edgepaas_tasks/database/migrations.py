"""The database's schema: where it is against an image, and on to that image's revision, on one host, under a lock."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from edgepaas_tasks.database import advice, backup, one_off
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.env.reach import TRANSIENT, VERDICTS
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.variables import environment
from edgepaas_tasks.variables.environment import Environment


class Ahead(Refused):
    """The database is at a revision that the image does not know."""


class Destructive(Refused):
    """Pending scripts take something away, and that is not allowed."""


class DatabaseUnreachable(Refused):
    """The database does not answer now; `reason` is one of our words for why."""

    def __init__(self, problem: str, reason: str, next_step: str) -> None:
        super().__init__(problem, next_step=next_step)
        self.reason = reason


@dataclass(frozen=True)
class Schema:
    """Where the database is, against an image; that has several `heads` where branches are not merged."""

    at: tuple[str, ...]
    heads: tuple[str, ...]
    known: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]
    diverged: bool  # at several revisions at once that no head leads on from

    @property
    def head(self) -> str:
        """In words; "" when the image has no script."""
        return ", ".join(self.heads)

    @property
    def ahead(self) -> bool:
        """The database is at a revision that the image does not know."""
        return bool(self.unknown)


def wanted(service: Service) -> bool:
    """Whether the service has a database that is migrated from here."""
    return service.settings.database.mode in (modes.POSTGRES, modes.TRYING)


def status(service: Service, host: Host, release: Release, composed: Environment) -> Schema | None:
    """What an image says of the database; None when the image has no Alembic. Raises Refused."""
    answer = _run(service, host, release, composed, "status", changes=False)
    if answer.get("kind") == "none":
        return None
    return Schema(
        at=tuple(answer["at"]),
        heads=tuple(sorted(answer["heads"])),
        known=tuple(answer["known"]),
        pending=tuple(answer["pending"]),
        unknown=tuple(answer["unknown"]),
        diverged=answer["diverged"],
    )


@dataclass(frozen=True)
class Upgraded:
    """The revision the database is at now, "" without one, and a few words on how it came there."""

    at: str
    text: str


def up(
    service: Service,
    host: Host,
    release: Release,
    composed: Environment,
    *,
    allow_destructive: bool,
) -> Upgraded:
    """Upgrades to the image's head. Raises Refused.

    Where something is taken away, and that is allowed, the backup of the settings comes first.
    """
    more = ("allow-destructive",) if allow_destructive else ()
    if more and service.settings.database.backup:
        with suppress(Destructive):
            return _up(service, host, release, composed)
        saved = backup.run(service.settings, composed)
        done = _up(service, host, release, composed, *more)
        return Upgraded(done.at, f"{saved}; {done.text}")
    return _up(service, host, release, composed, *more)


def _up(
    service: Service, host: Host, release: Release, composed: Environment, *more: str
) -> Upgraded:
    answer = _run(service, host, release, composed, "up", *more, changes=True)
    if answer.get("kind") == "none":
        return Upgraded("", "the image has no Alembic")
    at = ", ".join(answer["at"])
    if not answer["applied"]:
        return Upgraded(at, f"at {at or 'nothing'}, nothing pending")
    applied = "; ".join(answer["applied"])
    return Upgraded(at, f"{len(answer['applied'])} applied, now at {at or 'nothing'}: {applied}")


def down(service: Service, host: Host, release: Release, composed: Environment, to: str) -> str:
    """Downgrades to a revision, with the scripts of a release that knows where the database is. Raises Refused.

    The backup of the settings comes first, where the image has a way down to that revision.
    """
    saved = ""
    if service.settings.database.backup:
        found = status(service, host, release, composed)
        if found is not None and to in (*found.known, "base"):
            saved = f"{backup.run(service.settings, composed)}; "
    answer = _run(service, host, release, composed, "down", to, changes=True)
    if answer.get("kind") == "none":
        raise Refused(f"{host.name}: the image of release {release.number} has no Alembic")
    before, at = (", ".join(answer[key]) or "nothing" for key in ("before", "at"))
    return f"{saved}from {before} down to {at}"


def reset(service: Service, host: Host, release: Release, composed: Environment, name: str) -> str:
    """Empties the database of that name and upgrades it to the image's head. Raises Refused."""
    answer = _run(service, host, release, composed, "reset", quote(name, safe=""), changes=True)
    if answer.get("kind") == "none":
        raise Refused(f"{host.name}: the image of release {release.number} has no Alembic")
    return f"emptied {name}, now at {', '.join(answer['at']) or 'nothing'}"


def sql(service: Service, host: Host, release: Release, composed: Environment) -> str:
    """The statements that `up` would run. Raises Refused."""
    answer = _run(service, host, release, composed, "sql", changes=False)
    return str(answer.get("sql", "")).strip() or "-- nothing to run"


def compose(service: Service, values: Resolution) -> Environment:
    """The variables of this machine, for a one-off container that belongs to no release."""
    return environment.compose(service.settings, values, 0, "migrate")


def database_name(settings: Settings, composed: Environment) -> str:
    """The database that migrations go to; "" where its URL names none."""
    values = canonical.parse(composed.text.text())
    url = values.get(settings.database.migration_url or "DATABASE_URL", "")
    return unquote(urlsplit(url).path.lstrip("/"))


def _run(
    service: Service,
    host: Host,
    release: Release,
    composed: Environment,
    action: str,
    *more: str,
    changes: bool,
) -> dict[str, Any]:
    database = service.settings.database
    words = (action, database.alembic, database.migration_url or "DATABASE_URL")
    arguments = (*words, f"{database.lock_wait:g}", *more)
    module = "migrations.reset" if action == "reset" else "migrations.migrate"
    command = one_off.command(service, release.image, composed, module, arguments, changes=changes)
    command = command.within(database.timeout).called(f"migrate: {action}")
    (result,) = host.change(command) if changes else host.read(command)
    answer = one_off.parse(result.stdout)
    kind = answer.get("kind", "")
    if kind in ("", "none"):
        return answer
    lines = [f"{host.name}: {answer.get('message', 'the migration failed')}"]
    if answer.get("revision"):
        lines.append(f"  revision:  {answer['revision']}")
    if answer.get("statement"):
        lines.append(f"  statement: {answer['statement'][:500]}")
    lines += [f"  {line}" for line in str(answer.get("said", "")).splitlines()]
    then = advice.after(
        kind,
        action,
        release=release.number,
        env=service.settings.environment,
        direct=database.migration_url,
    )
    if kind in TRANSIENT:
        raise DatabaseUnreachable("\n".join(lines), VERDICTS[kind], then)
    refused = {"destructive": Destructive, "ahead": Ahead}.get(kind, Refused)
    raise refused("\n".join(lines), next_step=then)
