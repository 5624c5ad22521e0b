"""Answers as text: one clear line for what happened, what is live, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.fleet.status import HostStatus, age
from edgepaas_tasks.targets import inventory
from edgepaas_tasks.targets.service import Service

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.database.migrations import Schema
    from edgepaas_tasks.fleet.maintenance import Page
    from edgepaas_tasks.lease.locks import Lock
    from edgepaas_tasks.release.deploy import Outcome
    from edgepaas_tasks.release.flip import Flipped
    from edgepaas_tasks.release.rehearsal import Plan
    from edgepaas_tasks.targets.readiness import Check
    from edgepaas_tasks.variables.difference import Change
    from env.layers import Resolution
    from remote.lease import Held

VERBS = {
    "deploy": "deployed",
    "rollback": "rolled back to",
    "repair": "back, from a release that no deploy had finished, to",
    "env.push": "pushed the variables of",
    "db.use": "moved the database of",
}


def outcome(of: Service, found: Outcome) -> str:
    """The closing summary of a deploy or a rollback."""
    release, name = found.release, of.settings.environment
    verb = VERBS[found.action]
    lines = [f"{verb} {of.settings.app} {release.version} as release {release.number}"]
    for host, slot in found.slots.items():
        was = found.before[host]
        before = f", before it release {was.release} in {was.slot}" if was.slot else ""
        lines.append(f"  {host}: live in {slot}{before} ({found.execs[host]} round trips)")
    times = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in found.phases)
    lines.append(f"  {found.seconds:.1f} s: {times}")
    lines += _addresses(of)
    lines.append(f"  next: inv status --env {name}{_way_back(found, name)}")
    return "\n".join(lines)


def _way_back(found: Outcome, name: str) -> str:
    """A rollback of a rollback goes back further; what was left is asked for by its number."""
    left = sorted({was.release for was in found.before.values() if was.slot})
    if not left:
        return ""
    to = f" --to {left[-1]}" if found.action == "rollback" else ""
    return f"; to go back: inv rollback{to} --env {name}"


def plan(of: Service, found: Plan) -> str:
    """What a deploy would do, for --dry-run."""
    lines = [f"would deploy {of.settings.app} {found.version} as release {found.number}"]
    lines.append(f"  would build {of.settings.image_name}:{found.version}")
    for host, live in found.before.items():
        slot = found.slots[host]
        now = f"release {live.release} in {live.slot}" if live.slot else "nothing"
        lines.append(
            f"  {host}: live is {now}; would start in {slot}, check, flip, and drain the old"
        )
    lines += [f"  {name}: from {origin}" for name, origin in found.origins.items()]
    lines.append("nothing was changed")
    return "\n".join(lines)


def status(of: Service, found: Sequence[HostStatus]) -> str:
    lines = [f"{of.settings.app} in {of.settings.environment}"]
    for one in found:
        if one.error:
            lines.append(one.error)
            continue
        if one.maintenance:
            lines.append(f"  {one.host}: in maintenance for {age(one.maintenance)}")
        if not one.slot:
            lines.append(f"  {one.host}: nothing deployed yet")
            continue
        health = (
            "healthy" if one.healthy else f"NOT healthy ({of.health_path}: {one.health_status})"
        )
        lines.append(
            f"  {one.host}: release {one.release} ({one.version}) in {one.slot}, {health}, "
            f"live for {age(one.since)}"
        )
        lines += [f"    drift: {problem}" for problem in one.drift]
        if one.database.warning:
            lines.append(f"    WARNING: {one.database.warning} (for {age(one.database.since)})")
            lines.append(f"    next: inv db.use --mode postgres --env {of.settings.environment}")
    return "\n".join([*lines, *_addresses(of)])


def maintenance(of: Service, found: Sequence[Page]) -> str:
    """Where the maintenance page is up, and what a switch changed."""
    lines = []
    for one in found:
        if one.error:
            lines.append(one.error)
            continue
        state = f"maintenance is on, for {age(one.since)}" if one.since else "maintenance is off"
        lines.append(f"{one.host}: {state}")
        if one.reloaded:
            lines.append("  nginx had another configuration: reloaded once")
    if any(one.since for one in found):
        lines.append(f"next: inv maintenance --off --env {of.settings.environment}")
    return "\n".join(lines)


def databases(of: Service, found: Sequence[HostStatus]) -> str:
    """Which database the live release uses, a line a host."""
    lines = [f"{of.settings.app} in {of.settings.environment}: {of.settings.database.mode} is set"]
    for one in found:
        if one.error:
            lines.append(one.error)
        elif not one.slot:
            lines.append(f"  {one.host}: nothing deployed yet")
        else:
            mode = one.database.mode or "not known: its release does not say"
            lines.append(f"  {one.host}: {mode}, release {one.release}")
        if one.database.warning:
            lines.append(f"    WARNING: {one.database.warning} (for {age(one.database.since)})")
    return "\n".join(lines)


def routes(of: Service, found: Sequence[HostStatus]) -> str:
    """Which slot nginx serves, and what each slot holds."""
    lines = []
    for one in found:
        if one.error:
            lines.append(one.error)
            continue
        live = f"{one.slot}, release {one.release}" if one.slot else "nothing"
        lines.append(f"{one.host}: nginx on port {of.site.listen} routes to {live}")
        for container in one.containers:
            mark = "live" if container["slot"] == one.slot else "idle"
            lines.append(
                f"  {container['slot']:<5} {mark}  release {container['release']} "
                f"({container['version']}), {container['status']}"
            )
    return "\n".join(lines)


def containers(of: Service, found: Sequence[HostStatus]) -> str:
    """The service's containers, a line each."""
    lines = []
    for one in found:
        lines.append(one.error or f"{one.host}: {len(one.containers)} containers")
        lines += [
            f"  {each['name']}: {each['status']}, release {each['release']} ({each['version']}), "
            f"{each['restarts']} restarts"
            for each in one.containers
        ]
    return "\n".join(lines)


def checks(found: Sequence[Check]) -> str:
    """A line a check, those of one place together; what to do below each that is not good."""
    width = max(len(check.name) for check in found)
    lines = []
    place = ""
    for check in found:
        if check.where != place:
            place = check.where
            lines.append(place)
        lines.append(f"  {check.verdict:<11} {check.name:<{width}}  {check.found}")
        if check.next_step and check.verdict != "ok":
            lines.append(f"  {'':<11} {'':<{width}}  next: {check.next_step}")
    bad = sum(check.verdict == "blocker" for check in found)
    odd = sum(check.verdict == "warning" for check in found)
    lines.append(f"{len(found)} checks: {bad} blockers, {odd} warnings")
    return "\n".join(lines)


def volumes(found: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for host, one in found.items():
        lines.append(f"{host}: {'good' if one['ok'] else 'NOT good'}, {one['found']}")
        if one["ok"]:
            lines.append(f"  {one['free_bytes'] / 2**30:.1f} GiB free")
    return "\n".join(lines)


def flipped(found: Flipped) -> str:
    return "\n".join(
        f"{host}: traffic moved to {live.slot}, release {live.release}"
        for host, live in found.after.items()
    )


def setup(of: Service, changed: Mapping[str, Sequence[str]]) -> str:
    lines = []
    for host, done in changed.items():
        lines.append(f"{host}: ready" + ("" if done else ", nothing changed"))
        lines += [f"  {line}" for line in done]
    return "\n".join([*lines, f"next: inv deploy --env {of.settings.environment}"])


def schema(host: str, found: Schema | None) -> str:
    if found is None:
        return f"{host}: the live image has no Alembic"
    lines = [
        f"{host}: the database is at {', '.join(found.at) or 'nothing'}, "
        f"the live image leads to {found.head or 'nothing'}"
    ]
    if len(found.heads) > 1:
        lines.append(
            "  several heads: alembic merge heads, then deploy; until then nothing is migrated"
        )
    if found.diverged:
        lines.append(
            "  diverged: the database is at several revisions at once; alembic merge heads"
        )
    if found.ahead:
        lines.append(f"  ahead: the live image does not know {', '.join(found.unknown)}")
    lines += [f"  pending: {one}" for one in found.pending]
    return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing pending"])


def differences(of: Service, found: Mapping[str, Sequence[Change]]) -> str:
    """What a push would change on each host, by name; hosts that are alike together."""
    lines = []
    together: dict[tuple[Change, ...], list[str]] = {}
    for host, changes in found.items():
        together.setdefault(tuple(changes), []).append(host)
    for each, names in together.items():
        lines.append(f"{', '.join(names)}: " + (f"{len(each)} changes" if each else "no change"))
        for one in each:
            shown = [text if one.secret else repr(text) for text in (one.before, one.after)]
            both = {"added": shown[1], "removed": shown[0], "changed": " -> ".join(shown)}
            secret = " (secret, fingerprints)" if one.secret else ""
            lines.append(f"  {one.kind:<7} {one.name}: {both[one.kind]}{secret}")
    if any(found.values()):
        lines.append(f"next: inv env.push --env {of.settings.environment}")
    return "\n".join(lines)


def checked(of: Service, found: Resolution, inexact: Sequence[str]) -> str:
    lines = [f"warning: {warning}" for warning in found.warnings]
    if inexact:
        lines.append(
            f"note: python-dotenv would read {', '.join(inexact)} from the canonical file differently "
            "(a quote or backslash together with $ or a backtick); sh, systemd and the container do not"
        )
    count = len(found.values)
    return "\n".join([*lines, f"{count} variables of {of.settings.environment} are as declared"])


def variables(found: Resolution) -> str:
    """Each variable with its origin; a secret's value is never shown."""
    width = max((len(name) for name in found.values), default=0)
    lines = [
        f"{name:<{width}}  {'***' if one.secret else repr(one.text)}  from {one.origin}"
        for name, one in found.values.items()
    ]
    lines += [f"wrong: {problem}" for problem in found.problems]
    lines += [f"warning: {warning}" for warning in found.warnings]
    return "\n".join(lines) or "no variables are declared"


def hosts(found: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for one in found:
        way = ", on the way to them" if one["role"] == "jump" else ""
        instance = f", {one['instance']}" if one["instance"] else ""
        where = f"{one['user']}@{one['address']}:{one['port']}"
        lines.append(f"{one['name']}: {where}{instance}{way}")
        lines += [f"  pinned: {key}" for key in one["pinned"]]
        if not one["pinned"]:
            lines.append("  no key is pinned: inv hosts.trust pins it")
    return "\n".join(lines)


def instances(found: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"{one['id']}  {one['name'] or '(no name)'}  {one['state']}  {one['zone']}  {one['address']}"
        for one in found
    )


def place(found: Mapping[str, Any]) -> str:
    """Where this runs, for ci.detect."""
    if not found["runner"]:
        return "no CI: colours and a live table on a terminal, plain lines elsewhere"
    more = ", a group a phase, annotations for errors and warnings" if found["groups"] else ""
    lines = [f"{found['runner']}: plain lines without colours{more}"]
    if found["run_url"]:
        lines.append(f"  {found['run_url']}")
    lines += [
        f"  {name} {'can' if good else 'can NOT'} be written"
        for name, good in found["files"].items()
    ]
    return "\n".join(lines)


def locks(found: Sequence[Lock]) -> str:
    lines = []
    for one in found:
        if one.error or one.held is None:
            lines.append(one.error or f"{one.host}: free")
            continue
        state = "alive" if one.held.alive else "silent" if one.held.left else "over"
        lines.append(f"{one.host}: {state}, held by {one.held}")
        if not one.held.alive and one.held.left:
            lines.append(f"  anybody may take it in {one.held.left} s; or: inv lock.release")
    return "\n".join(lines)


def released(found: Mapping[str, Held | None]) -> str:
    return "\n".join(
        f"{host}: released; it was held by {held}"
        if held and held.token
        else f"{host}: {held}: it ends by itself"
        if held
        else f"{host}: free already"
        for host, held in found.items()
    )


def lab(found: Mapping[str, Any], ready: Sequence[str] = ()) -> str:
    """The lab's hosts; `ready` are the environments for which they are set up."""
    hosts = found.get("hosts", [])
    if not hosts:
        return "no lab is up; inv lab.up starts one"
    lines = []
    for host in hosts:
        state = "running" if host["running"] else "stopped"
        lines.append(
            f"{host['name']}: {state}, http://127.0.0.1:{host['http']}, "
            f"ssh -i {host['key']} -o UserKnownHostsFile={host['known_hosts']} "
            f"-p {host['port']} {host['user']}@127.0.0.1"
        )
    if found.get("database"):
        lines.append(f"Postgres: DATABASE_URL={found['database']}")
    if found.get("registry"):
        lines.append(f"registry: image: {found['registry']}")
        lines.append(f"          REGISTRY_PASSWORD={found['registry_password']}")
    then = " and ".join(f"inv deploy --env {name}" for name in ready)
    then = then or "inv setup --env lab, then inv deploy --env lab"
    return "\n".join([*lines, f"next: {then}; inv lab.down"])


def _addresses(of: Service) -> list[str]:
    """Where a browser finds the app."""
    return [f"  {address}" for address in inventory.addresses(of.settings)]
