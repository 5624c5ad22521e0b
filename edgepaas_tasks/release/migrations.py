"""What the migration scripts mean for a deploy, before anything is built; the check from the image decides."""

from __future__ import annotations

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.fleet import migrations
from edgepaas_tasks.service.service import Service


def require(service: Service, progress: Progress, *, allow_destructive: bool) -> None:
    """Refuses scripts that every image with them would be refused for; notes what they take away, unless allowed.

    Says nothing of what is not certain here: scripts that are not on this machine, and those that compute their
    revision. With `try_postgres` a mistake is a warning, because a service on SQLite is not migrated by a deploy.
    """
    chain = migrations.read(service)
    if chain is None:
        return
    if chain.mistakes:
        found = "\n".join(one.found for one in chain.mistakes)
        if migrations.stops(service):
            steps = dict.fromkeys(one.next_step for one in chain.mistakes)
            raise Refused(f"{found}; nothing was built", next_step="\n".join(steps))
        progress.note(found)
    if chain.losses and not allow_destructive:
        progress.say(
            f"  note: migrations take something away ({migrations.shown(chain.losses)}); "
            "those that the database lacks need --allow-destructive"
        )
