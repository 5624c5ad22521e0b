"""Whether the app's database answers from the hosts, asked by a container of the app's own image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgepaas_tasks.console.task import redactor
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.database import one_off
from edgepaas_tasks.env.reach import VERDICTS
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.remote.command import Command
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.readiness import BLOCKER, OK, UNKNOWN, WARNING, Check
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import certificate, environment


def probe(
    service: Service, hosts: Sequence[Host], states: Mapping[str, State], values: Resolution | None
) -> list[Check]:
    """Two checks a host: the database, and how far its schema is from the image's."""
    found = {
        modes.SQLITE: "a file on the host, nothing to reach",
        modes.NONE: "database.mode is none, nothing to reach",
    }.get(service.settings.database.mode)
    if found:
        return [Check(host.name, "database", OK, found) for host in hosts if host.name in states]
    checks = []
    asked: dict[str, Command] = {}
    for host in hosts:
        if host.name not in states:
            continue
        state = states[host.name]
        image = _image(state)
        if values is None:
            found = "the variables are not as declared"
            checks.append(Check(host.name, "database", UNKNOWN, found))
        elif not image:
            checks.append(Check(host.name, "database", UNKNOWN, "no image yet"))
        elif lacking := _lacks_certificate(service, state):
            checks.append(Check(host.name, "database", UNKNOWN, lacking))
        else:
            asked[host.name] = _ask(service, image, values)
    answers, errors = attempt(
        [host for host in hosts if host.name in asked],
        lambda host: host.read(asked[host.name])[0].stdout,
    )
    for name in asked:
        if name in errors:
            said = str(errors[name]).splitlines()[0]
            checks.append(Check(name, "database", UNKNOWN, redactor()(said)))
        else:
            judged = judge(name, one_off.parse(answers[name]), service.settings.environment)
            checks += _tried(service, modes.live(states[name]), judged)
    return checks


def _tried(service: Service, live: modes.Mode, found: list[Check]) -> list[Check]:
    """With `try_postgres`, an unreachable Postgres is a warning, not a blocker."""
    if service.settings.database.mode != modes.TRYING:
        return found
    first, *rest = found
    then = f"inv db.use --mode postgres --env {service.settings.environment}, once it answers"
    if live.fallback:
        return [Check(first.where, first.name, WARNING, live.warning, then)]
    if first.verdict == BLOCKER and not live.mode:
        return [
            replace(first, verdict=WARNING, found=f"{first.found}; a deploy would go to SQLite")
        ]
    return [first, *rest]


def _lacks_certificate(service: Service, state: State) -> str:
    root = certificate.wanted(service.settings)
    if root is None or root.file in state.runtimes:
        return ""
    return "the root certificate is not on this host yet: a deploy brings it"


def judge(host: str, answer: Mapping[str, Any], environment: str) -> list[Check]:
    """What the container said, as checks."""
    verdict = answer.get("verdict", "other")
    if verdict != "ok":
        said = redactor()(" ".join(str(answer.get("said", "")).split()))[:200]
        found = f"{VERDICTS.get(verdict, VERDICTS['other'])} ({said})"
        then = f"DATABASE_URL, the database's firewall, and inv env.show --env {environment}"
        return [Check(host, "database", BLOCKER, found, then)]
    checks = [Check(host, "database", OK, "answers from a container on this host")]
    heads, at = answer.get("heads"), answer.get("revision") or "nothing"
    if heads is None:
        checks.append(Check(host, "migrations", UNKNOWN, "the image on the host has no Alembic"))
    elif len(heads) > 1:
        found = f"the image's migrations have several heads: {', '.join(heads)}"
        checks.append(Check(host, "migrations", WARNING, found, "alembic merge heads"))
    elif heads == [answer.get("revision")] or not heads:
        checks.append(Check(host, "migrations", OK, f"at {at}, nothing pending in that image"))
    else:
        found = f"the database is at {at}, the image on the host leads to {heads[0]}"
        checks.append(Check(host, "migrations", WARNING, found))
    return checks


def _image(state: State) -> str:
    """The image of the live release, or of the newest one that is still there."""
    for number in [state.live.release, *sorted(state.releases, reverse=True)]:
        release = state.releases.get(number)
        if release is not None and release.image in state.images:
            return release.image
    return ""


def _ask(service: Service, image: str, values: Resolution) -> Command:
    composed = environment.compose(service.settings, values, 0, "preflight")
    arguments = (service.settings.database.alembic,)
    command = one_off.command(service, image, composed, "reach", arguments, changes=False)
    return command.within(90).called("ask the database")
