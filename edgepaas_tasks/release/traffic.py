"""The flip on every host of a service: all keep the new release, or all go back."""

from __future__ import annotations

from edgepaas_tasks.release import failure
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.release.vote import Vote
from edgepaas_tasks.remote.batch import Watch
from edgepaas_tasks.remote.command import Command
from edgepaas_tasks.remote.errors import CommandFailed, ConnectionLost, DeadlineExceeded
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import attempt
from edgepaas_tasks.remote.service import releases, slots
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.service.service import Service

DECISION_TIMEOUT = 30.0  # seconds that a host which has baked waits for the others


def flip(rollout: Rollout) -> str:
    """All hosts, or none; from here on the release is live, and on record as such.

    One round trip a host: gate, flag, bake, and the journal's line once every host has baked.

    A host goes back by itself when it fails, when it loses us, and when another one failed. Raises CommandFailed when
    all are back, Refused when some host gave no answer after it was decided to keep the release.
    """
    vote = Vote((host.name for host in rollout.hosts), lambda: rollout.entry(releases.GOOD).line())

    def one(host: Host) -> None:
        def hear(line: str) -> None:
            if line == slots.BAKED:
                vote.ready(host.name)

        command = flip_to(rollout.service, rollout.slots[host.name], rollout.release.number)
        try:
            host.stream(vote.decision(), command, watch=Watch(line=hear))
        except BaseException:
            vote.failed(host.name)
            raise

    kept, errors = attempt(
        rollout.hosts, one, width=len(rollout.hosts)
    )  # each waits for the votes of all
    rollout.committed = vote.committed
    if errors and vote.committed:
        raise failure.unconfirmed(rollout.release, errors, list(kept))
    if errors:
        told = [host.name for host in rollout.hosts if _code(errors.get(host.name)) == slots.TOLD]
        failed = {name: error for name, error in errors.items() if name not in told}
        doubtful = [host for host in rollout.hosts if _doubtful(failed.get(host.name))]
        pointed, still = attempt(
            doubtful, lambda host: _point_back(rollout, host, failed[host.name])
        )
        moved = [name for name, so in pointed.items() if so]
        raise failure.flipped_back(rollout.release, failed, [*told, *moved], still)
    return f"verified through nginx, baked {rollout.service.settings.flip.bake:g} s"


def flip_to(service: Service, slot: str, release: int) -> Command:
    """Health gate, flag, verification through nginx, bake, and the decision on its stdin, as one command."""
    flip = service.settings.flip
    probe = slots.Probe(
        path=flip.path or service.health_path,
        status=flip.status,
        text=flip.expect,
        bake=flip.bake,
        decision_timeout=DECISION_TIMEOUT,
    )
    return slots.flip(service.site, Live(slot, release), service.health_path, probe)


def _doubtful(error: Exception | None) -> bool:
    """Whether it is unknown where traffic goes: the connection was lost, time ran out, or the script was killed."""
    code = _code(error)
    if isinstance(error, ConnectionLost | DeadlineExceeded):
        return True
    return code != 0 and code not in slots.POINTED


def _point_back(rollout: Rollout, host: Host, error: Exception) -> bool:
    """Move the flag back; true if we had to. The script does so too when it loses us; this waits for it."""
    layout, before = rollout.service.layout, rollout.before[host.name]
    now = Live(rollout.slots[host.name], rollout.release.number)
    if not isinstance(error, DeadlineExceeded):
        (moved,) = host.change(slots.point(layout, before, now))
        return moved.text == "moved"
    # One that hangs holds the lock, and would be waited for in vain; whoever has the lease is alone with it.
    fence, host.fence = host.fence, None
    try:
        (moved,) = host.change(slots.point(layout, before, now, rollout.fence.token))
    finally:
        host.fence = fence
    return moved.text == "moved"


def _code(error: Exception | None) -> int:
    return error.code if isinstance(error, CommandFailed) else 0
