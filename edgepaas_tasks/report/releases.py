"""A deploy, a rollback, a flip: what happened, what is live, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgepaas_tasks.report.addresses import addresses

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.release.deploy import Outcome
    from edgepaas_tasks.release.flip import Flipped
    from edgepaas_tasks.release.plan import Plan
    from edgepaas_tasks.service.service import Service


VERBS = {
    "deploy": "deployed",
    "rollback": "rolled back to",
    "repair": "restored (the deploy before had not finished)",
    "env.push": "pushed the variables of",
    "db.use": "moved the database of",
}


def outcome(service: Service, found: Outcome) -> str:
    """The closing summary of a deploy or a rollback."""
    release, name = found.release, service.settings.environment
    verb = VERBS[found.action]
    lines = [f"{verb} {service.settings.app} {release.version} as release {release.number}"]
    for host, slot in found.slots.items():
        was = found.before[host]
        before = f", before it release {was.release} in {was.slot}" if was.slot else ""
        lines.append(f"  {host}: live in {slot}{before} ({found.execs[host]} round trips)")
    times = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in found.phases)
    lines.append(f"  {found.seconds:.1f} s: {times}")
    lines += addresses(service)
    lines.append(f"  next: inv status --env {name}{_way_back(found, name)}")
    return "\n".join(lines)


def _way_back(found: Outcome, name: str) -> str:
    """A rollback of a rollback goes back further; what was left is asked for by its number."""
    left = sorted({was.release for was in found.before.values() if was.slot})
    if not left:
        return ""
    to = f" --to {left[-1]}" if found.action == "rollback" else ""
    return f"; to go back: inv rollback{to} --env {name}"


def plan(service: Service, found: Plan) -> str:
    """What a deploy would do, for --dry-run."""
    lines = [f"would deploy {service.settings.app} {found.version} as release {found.number}"]
    built = f"build {service.settings.image_name}:{found.version}"
    lines.append(f"  would {f'take the image {found.image}' if found.image else built}")
    for host, live in found.before.items():
        slot = found.slots[host]
        now = f"release {live.release} in {live.slot}" if live.slot else "nothing"
        lines.append(
            f"  {host}: live is {now}; would start in {slot}, check, flip, and drain the old"
        )
    lines += [f"  {name}: from {origin}" for name, origin in found.origins.items()]
    lines.append("nothing was changed")
    return "\n".join(lines)


def flipped(found: Flipped) -> str:
    return "\n".join(
        f"{host}: traffic moved to {live.slot}, release {live.release}"
        for host, live in found.after.items()
    )
