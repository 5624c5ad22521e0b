"""Failed gates, told so that the next step is clear: what failed, what serves, the likely cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.release.gates import Evidence, GateFailed
from edgepaas_tasks.remote.errors import (
    CommandFailed,
    ConnectionLost,
    DeadlineExceeded,
    RemoteError,
)
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service import diagnosis, releases, slots
from edgepaas_tasks.remote.service.diagnosis import Diagnosis
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import environment

# What the host refused before it started anything: what to do about it.
_NOT_BEGUN = {
    slots.LIVE: "somebody moved the flag meanwhile: inv status tells what is live; run the command again",
    slots.FOREIGN_DATA: "let the image run as the user that the data belongs to (USER in its Dockerfile); "
    "or give the data to the new one, while nothing of the old one runs",
    slots.NO_PYTHON: "put Python 3.9 or later in the image; or container.runtime: none, without its services",
}


def unhealthy(
    service: Service, host: Host, slot: str, release: Release, live: Live, error: CommandFailed
) -> CommandFailed:
    """A release that did not become healthy. The container, where there is one, is stopped and kept."""
    if error.code in _NOT_BEGUN:
        return CommandFailed(
            host.name,
            f"release {release.number} ({release.version}) was not started in {slot}: "
            f"{error.got.splitlines()[-1] if error.got else error.problem}",
            code=error.code,
            next_step=_NOT_BEGUN[error.code],
        )
    kept = host.ask(releases.environment(service.layout, release.number))
    environment.learn(service.settings, kept)  # before its log is shown
    found = diagnose(service, host, slot, said=error.got)
    untouched = f"release {live.release} ({live.slot}) keeps serving, untouched"
    serving = untouched if live.slot else "nothing was live before"
    waited = tuple(error.got.splitlines())
    failed = GateFailed(
        host.name,
        f"release {release.number} ({release.version}) did not become healthy in {slot}; {serving}",
        code=error.code,
        tried=f"GET {service.health_path} on 127.0.0.1:{service.port(slot)}",
        got="\n".join([*waited[-1:], *found.lines()]),
        next_step="fix the app and deploy again; "
        f"the stopped container {service.layout.container(slot)} is kept for inspection",
    )
    failed.release, failed.evidence = release, Evidence(host.name, slot, found, waited)
    return failed


def diagnose(
    service: Service, host: Host, slot: str, *, stop: bool = True, said: str = ""
) -> Diagnosis:
    """What there is to know about what is in a slot; with `stop` its container is stopped, and kept."""
    command = slots.diagnose(
        service.site,
        slot=slot,
        health_path=service.health_path,
        stop=stop,
        lines=service.settings.report.lines,
    )
    (result,) = host.change(command)
    return diagnosis.parse(
        result.stdout,
        port=service.spec.port,
        health_path=service.health_path,
        host_name=service.site.probe_name,
        said=said,
    )


def flipped_back(
    release: Release,
    errors: Mapping[str, Exception],
    others: Sequence[str],
    still: Mapping[str, Exception],
) -> RemoteError:
    """A release that did not become live for what is in `errors`.

    `others` went back besides, `still` could not be flipped back.
    """
    name, first = next(iter(errors.items()))
    got = [f"{host}: {_said(error)}" for host, error in errors.items()]
    if others:
        got.append(f"flipped back too: {', '.join(others)}")
    if still:
        got.append(f"not reached, so perhaps not flipped back: {', '.join(still)}")
    if isinstance(first, ConnectionLost | DeadlineExceeded):
        where = "" if still else "; the release before serves again"
        return type(first)(
            name,
            f"{first.problem}{where}",
            got="\n".join(got),
            next_step="inv status tells what is live; a rerun continues from what it finds",
        )
    code = getattr(first, "code", 1)
    problem = {
        slots.GATE: "was no longer healthy before the flip; no traffic moved",
        slots.FULL: "could not be recorded, so no traffic moved",
        slots.PUBLIC: "failed on the public path and was flipped back",
    }.get(code, "could not be made live")
    failed = GateFailed(
        name,
        f"release {release.number} ({release.version}) {problem}",
        code=code,
        got="\n".join(got),
        next_step="the release before serves; inv status tells what is live"
        + ("; once the host answers again, inv deploy puts all on one release" if still else ""),
    )
    failed.release = release
    failed.flipped_back = bool(others) or code in (slots.PUBLIC, slots.LOST)
    return failed


def unconfirmed(release: Release, errors: Mapping[str, Exception], kept: Sequence[str]) -> Refused:
    """All hosts had baked the release and it was decided to keep it; then those in `errors` gave no answer any more."""
    serving = f"{', '.join(kept)} serve it" if kept else "no other host was asked"
    return Refused(
        f"{', '.join(errors)}: no answer whether release {release.number} ({release.version}) stays; {serving}",
        got="\n".join(f"{host}: {_said(error)}" for host, error in errors.items()),
        next_step="inv status; once the host answers again, inv deploy puts all on one release",
    )


def _said(error: Exception) -> str:
    """What a flip had to say for itself, without its progress."""
    got = str(getattr(error, "got", "")).splitlines()
    told = [line for line in got if not line.startswith(("baking", slots.BAKED))]
    return "; ".join(told[-2:]) or str(getattr(error, "problem", error))
