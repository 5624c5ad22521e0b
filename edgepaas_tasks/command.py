"""What each task calls: settings and hosts opened, the work done, the answer as text."""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgepaas_tasks import deploy as deploys
from edgepaas_tasks import environment, inventory, migrations, readiness, rehearsal, report
from edgepaas_tasks import flip as flips
from edgepaas_tasks import rollback as rollbacks
from edgepaas_tasks import setup as setups
from edgepaas_tasks import status as statuses
from edgepaas_tasks.boundary import Refused, say
from edgepaas_tasks.progress import Progress
from edgepaas_tasks.request import Request
from edgepaas_tasks.service import Service, hosts, service
from edgepaas_tasks.settings import SettingsError
from edgepaas_tasks.status import HostStatus
from edgepaas_tasks.tenure import held
from env import canonical
from remote import volume as volumes
from remote.parallel import attempt


def number(option: str, text: str, *, least: float = 0, whole: bool = True) -> float:
    """An option's number; Invoke would end in a traceback on a wrong one."""
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = least - 1
    if value < least:
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"--{option} {text!r}: expected {kind} from {least:g}")
    return value


def deploy(c: Any, env: str, request: Request, *, wait: str, dry_run: bool) -> str:
    of = service(c, env)
    patience = _wait(of, wait)
    title = f"deploy {of.settings.app} to {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        if dry_run:
            plan = rehearsal.rehearse(of, found, progress, request)
            return report.plan(of, plan)
        outcome = deploys.deploy(of, found, progress, request, patience)
    return report.outcome(of, outcome)


def rollback(c: Any, env: str, *, to: str, wait: str, allow_newer_schema: bool) -> str:
    of = service(c, env)
    release = int(number("to", to, least=1)) if to else None
    patience = _wait(of, wait)
    title = f"roll back {of.settings.app} in {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        outcome = rollbacks.rollback(
            of, found, progress, release, patience, allow_newer_schema=allow_newer_schema
        )
    return report.outcome(of, outcome)


def status(c: Any, env: str) -> tuple[Service, Sequence[HostStatus]]:
    of = service(c, env)
    with hosts(of) as found:
        return of, statuses.status(of, found)


def preflight(c: Any, env: str, *, json: bool) -> None:
    """Prints the checks. Raises Refused when one of them is a blocker."""
    from edgepaas_tasks import preflight as doctor

    of = service(c, env)
    with hosts(of) as found:
        checks = doctor.preflight(of, found)
    blockers = sum(check.verdict == readiness.BLOCKER for check in checks)
    if json:
        listed = [check.as_json() for check in checks]
        say(jsons.dumps({"ok": not blockers, "checks": listed}, indent=2))
    else:
        say(report.checks(checks))
    if blockers:
        raise Refused(f"a deploy to {of.settings.environment} would fail: {blockers} blockers")


def setup(
    c: Any, env: str, *, dry_run: bool = False, parts: Sequence[setups.Part] = setups.EVERYTHING
) -> str:
    of = service(c, env)
    title = f"set up the hosts of {of.settings.environment}"
    with Progress(title) as progress:
        told: list[str] = []

        def observe(host: str, line: str) -> None:
            progress.step(host, line)
            if dry_run:
                told.append(f"[{host}] {line}")

        with hosts(of, dry_run=dry_run, observe=observe) as found:
            changed = setups.setup(of, found, progress, parts)
    return "\n".join(told) if dry_run else report.setup(of, changed)


def migrate_status(c: Any, env: str) -> str:
    of = _migrated(c, env)
    values = environment.gather(of.settings, ())
    with hosts(of) as found:
        host = found[0]
        image = migrations.live_image(statuses.look(of, host), host.name)
        schema = migrations.status(of, host, image, migrations.compose(of, values))
    return report.schema(host.name, schema)


def migrate_sql(c: Any, env: str) -> str:
    of = _migrated(c, env)
    values = environment.gather(of.settings, ())
    with hosts(of) as found:
        image = migrations.live_image(statuses.look(of, found[0]), found[0].name)
        return migrations.sql(of, found[0], image, migrations.compose(of, values))


def migrate(c: Any, env: str, *, to: str, allow_destructive: bool, wait: str) -> str:
    """Up to the live image's head, or down to a revision, under the lease."""
    of = _migrated(c, env)
    values = environment.gather(of.settings, ())
    patience = _wait(of, wait)
    title = f"migrate {of.settings.app} in {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        host = found[0]
        with held(of, found, progress, "migrate", patience) as (_, states):
            image = migrations.live_image(states[host.name], host.name)
            composed = migrations.compose(of, values)
            with progress.phase("migrate") as phase:
                if to:
                    phase.outcome = migrations.down(of, host, image, composed, to)
                else:
                    phase.outcome = migrations.up(
                        of, host, image, composed, allow_destructive=allow_destructive
                    )
    return f"{host.name}: {phase.outcome}"


def _migrated(c: Any, env: str) -> Service:
    of = service(c, env)
    if not migrations.wanted(of):
        raise Refused(
            f"{of.settings.environment} keeps its data in SQLite: the app migrates its own file"
        )
    return of


def volume_status(c: Any, env: str) -> dict[str, dict[str, Any]]:
    """What each host says of the volume, by host."""
    of, volume = _with_volume(c, env)
    with hosts(of) as found:
        answers, errors = attempt(found, lambda host: host.read(volumes.look(volume))[0].stdout)
    told: dict[str, dict[str, Any]] = {
        name: {"ok": False, "volume": volume.id, "found": str(error)}
        for name, error in errors.items()
    }
    for name, text in answers.items():
        seen = volumes.parse(text)
        good, what = volumes.state(volume, seen)
        free = max(0, seen.filesystem_bytes - seen.used_bytes)
        told[name] = {
            "ok": good,
            "volume": volume.id,
            "found": what,
            "device": seen.device,
            "bytes": seen.bytes,
            "free_bytes": free if good else 0,
        }
    return told


def volume_attach(c: Any, env: str) -> str:
    from remote import aws

    of, volume = _with_volume(c, env)
    targets = inventory.targets(of.settings)
    if len(targets) != 1:
        raise Refused(f"{of.settings.environment} has {len(targets)} hosts, and one volume")
    account = aws.Account(of.settings.aws.region, of.settings.aws.profile)
    (target,) = targets
    with Progress(f"attach {volume.id}") as progress, progress.phase("attach") as phase:
        done = aws.attach(
            account,
            volume.id,
            target.address,
            target.name,
            lambda line: progress.step(target.name, line),
        )
        phase.outcome = done.instance
    verb = "attached" if done.changed else "was attached already"
    return (
        f"{done.volume} {verb} to {done.instance} as {done.device}\n"
        f"next: inv volume.setup --env {of.settings.environment}"
    )


def volume_setup(c: Any, env: str) -> str:
    _with_volume(c, env)
    return setup(c, env, parts=(setups.tools, setups.data_volume))


def _with_volume(c: Any, env: str) -> tuple[Service, volumes.Volume]:
    of = service(c, env)
    if of.volume is None:
        raise Refused(
            f"{of.settings.environment} has no volume: set edgepaas.volume.id and volume.size"
        )
    if len(inventory.targets(of.settings)) > 1:
        raise Refused(
            f"{of.settings.environment} has several hosts, and a volume belongs to one: give each an environment"
        )
    return of, of.volume


def flip(c: Any, env: str, *, slot: str, wait: str) -> str:
    of = service(c, env)
    if slot not in ("", "blue", "green"):
        raise SettingsError(f"--slot {slot}: expected blue or green")
    patience = _wait(of, wait)
    with (
        Progress(f"flip {of.settings.service}") as progress,
        hosts(of, observe=progress.step) as found,
    ):
        return report.flipped(flips.flip(of, found, progress, slot, patience))


def env_check(c: Any, env: str, given: Sequence[str]) -> str:
    of = service(c, env)
    resolution = environment.collect(of.settings, given)
    if resolution.problems:
        raise Refused("\n".join(str(problem) for problem in resolution.problems))
    return report.checked(of, resolution, environment.inexact(resolution))


def env_show(c: Any, env: str, given: Sequence[str]) -> str:
    of = service(c, env)
    return report.variables(environment.collect(of.settings, given))


def env_diff(c: Any, env: str, given: Sequence[str], *, json: bool) -> str:
    from edgepaas_tasks.difference import difference

    of = service(c, env)
    values = environment.gather(of.settings, given)
    with hosts(of) as found:
        changes = difference(of, found, values)
    if json:
        listed = {name: [one.as_json() for one in each] for name, each in changes.items()}
        return jsons.dumps(listed, indent=2)
    return report.differences(of, changes)


def env_render(c: Any, env: str, given: Sequence[str], *, output: str) -> str:
    from edgepaas_tasks import files

    if not output:
        raise SettingsError("--output FILE: where to write; the values are not printed")
    of = service(c, env)
    values = environment.gather(of.settings, given)
    composed = environment.compose(of.settings, values, 0, "rendered")
    files.write(Path(output), composed.text.reveal(), canonical.HEADER, mode=0o600)
    return f"wrote {len(composed.names)} variables to {output}, readable by you alone"


def env_example(c: Any, env: str, *, output: str) -> str:
    from edgepaas_tasks import files

    of = service(c, env)
    text = canonical.example(environment.schema(of.settings))
    files.write(Path(output), text.encode(), canonical.EXAMPLE_HEADER, mode=0o644)
    return f"wrote {output}; copy it to .env and fill it in"


def env_push(c: Any, env: str, given: Sequence[str], *, wait: str) -> str:
    from edgepaas_tasks.push import push

    of = service(c, env)
    patience = _wait(of, wait)
    title = f"push the variables of {of.settings.app} to {of.settings.environment}"
    with Progress(title) as progress, hosts(of, observe=progress.step) as found:
        outcome = push(of, found, progress, given, patience)
    if outcome is None:
        return "every value is live already, nothing was changed"
    return report.outcome(of, outcome)


def lab_up(folder: str, count: str, system: str, *, postgres: bool) -> str:
    from edgepaas_tasks.lab import lifecycle

    wanted = int(number("hosts", count, least=1))
    with Progress("lab up") as progress, progress.phase("lab") as phase:
        state = lifecycle.up(
            Path(folder),
            wanted,
            lambda line: progress.step("lab", line),
            system=system,
            postgres=postgres,
        )
        phase.outcome = f"{len(state.hosts)} hosts"
    return report.lab(lab_status(folder))


def lab_status(folder: str) -> dict[str, Any]:
    from edgepaas_tasks.lab import lifecycle

    return lifecycle.status(Path(folder))


def lab_down(folder: str, *, images: bool) -> str:
    from edgepaas_tasks.lab import lifecycle

    said: list[str] = []
    lifecycle.down(Path(folder), said.append, with_images=images)
    return "\n".join(said) or "there was no lab"


def lab_demo(c: Any, folder: str, connections: str) -> str:
    from edgepaas_tasks import demo

    return demo.run(c, Path(folder), int(number("connections", connections, least=1)))


def _wait(of: Service, text: str) -> float:
    return number("wait", text, whole=False) if text else of.settings.lease.wait
