"""The migration scripts that a build would send, before it does: what is wrong with them costs no build then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgepaas_tasks.database import migrations
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.database.chain import Chain
from edgepaas_tasks.database.chain import read as read_chain
from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.images.building import context as contexts
from edgepaas_tasks.remote import local
from edgepaas_tasks.service.readiness import BLOCKER, OK, UNKNOWN, WARNING, Check
from edgepaas_tasks.service.service import Service

SHOWN = 3  # of what scripts take away


def read(service: Service) -> Chain | None:
    """The chain of the build context; None where the service is not migrated from here, or has no Alembic.

    Raises SettingsError where there is no build context, Refused where it cannot be read.
    """
    if not migrations.wanted(service):
        return None
    build = contexts.read(service.settings.build)
    return read_chain(build.folder, service.settings.database.alembic, build.sends)


def stops(service: Service) -> bool:
    """Whether a mistake in the scripts stops every deploy: a service that is on SQLite does without them."""
    return service.settings.database.mode == modes.POSTGRES


def checks(service: Service) -> Iterator[Check]:
    """For preflight; nothing where the service is not migrated from here."""
    if not migrations.wanted(service):
        return
    try:
        chain = read(service)
    except (SettingsError, Refused) as error:
        yield _check(UNKNOWN, str(error).partition("\n")[0])
        return
    if chain is None:
        yield _check(UNKNOWN, f"the build context has no {service.settings.database.alembic}")
        return
    for mistake in chain.mistakes:
        verdict = BLOCKER if stops(service) else WARNING
        yield _check(verdict, mistake.found, mistake.next_step)
    if chain.unknown:
        step = "nothing: a deploy reads them in the new image, before that starts"
        yield _check(UNKNOWN, chain.unknown, step)
    if chain.losses:
        step = "read the scripts; a deploy needs --allow-destructive where the database lacks them"
        yield _check(WARNING, f"take something away: {shown(chain.losses)}", step)
    if not chain.mistakes and not chain.unknown and not chain.losses:
        head = f", up to {chain.heads[0]}" if chain.heads else ""
        yield _check(OK, f"{chain.count} scripts{head}")


def shown(losses: Sequence[str]) -> str:
    """The first of them in words."""
    more = f"; and {len(losses) - SHOWN} more" if len(losses) > SHOWN else ""
    return "; ".join(losses[:SHOWN]) + more


def _check(verdict: str, found: str, next_step: str = "") -> Check:
    return Check(local.HERE, "migrations", verdict, found, next_step)
