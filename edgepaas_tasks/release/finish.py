"""What is left of the release before: drained, stopped, pruned. That the new one is live is on record already."""

from __future__ import annotations

from collections.abc import Iterator

from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.command import Command
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.service import lease, releases, slots
from edgepaas_tasks.remote.service.releases import Entry
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State


def finish(rollout: Rollout) -> str:
    """Drain and stop the old slot, prune, give the lease back. That the release is live is on record already."""

    def finish(host: Host) -> str:
        entry = rollout.entry(releases.GOOD)
        draining = list(_drain(rollout, rollout.before[host.name]))
        pruning = _prune(rollout, rollout.states[host.name], entry)
        give_back = lease.release(rollout.service.layout, rollout.fence.token)
        host.expects_more = False
        results = host.change(*draining, *pruning, give_back)
        host.fence = None  # given back by the last command
        return results[0].text if draining and results else ""

    done = on_each(rollout.hosts, finish)
    old = sorted({live.slot for live in rollout.before.values() if live.slot})
    said = sorted({text for text in done.values() if text})
    return f"{', '.join(old)}: {'; '.join(said)}" if old else "nothing was live before"


def clear(rollout: Rollout) -> None:
    """Drain and stop the old slot; do nothing else."""
    old = [host for host in rollout.hosts if rollout.before[host.name].slot]
    on_each(old, lambda host: host.change(*_drain(rollout, rollout.before[host.name])))


def _drain(rollout: Rollout, old: Live) -> Iterator[Command]:
    if old.slot:
        yield slots.drain(
            rollout.service.layout,
            slot=old.slot,
            seconds=rollout.service.settings.flip.drain,
            stop_timeout=rollout.service.settings.container.stop_timeout,
            keep=rollout.service.spec.memory if rollout.service.settings.flip.keep_warm else "",
        )


def _prune(rollout: Rollout, state: State, entry: Entry) -> Iterator[Command]:
    pruning = releases.prune(
        rollout.service.layout,
        {**state.releases, rollout.release.number: rollout.release},
        (*state.history, entry),
        rollout.release.number,
        rollout.service.settings.keep_releases,
    )
    if pruning is not None:
        yield pruning
