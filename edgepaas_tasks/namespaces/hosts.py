"""The hosts of an environment, and the SSH host keys that are pinned for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from invoke import Collection

from edgepaas_tasks.console.task import answer, say, task
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.namespaces.options import ENV_HELP, JSON_HELP

if TYPE_CHECKING:
    from edgepaas_tasks.remote.ssh.hostkeys import Key
    from edgepaas_tasks.remote.target import Target
    from edgepaas_tasks.service.trust import Evidence
    from edgepaas_tasks.settings import Settings


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def show(c: Any, env: str = "", json: bool = False) -> None:
    """Show the hosts and which keys are pinned for them."""
    from edgepaas_tasks.report import inventory as report
    from edgepaas_tasks.service import trust
    from edgepaas_tasks.service.service import load_service

    found = trust.pinned(load_service(c, env).settings)
    answer(report.hosts, report.hosts_json, found, json=json)


@task(
    help={
        "env": ENV_HELP,
        "host": "One host, by name or address (default: all, and those on the way to them).",
        "from_": "A known_hosts file that somebody trustworthy gave.",
        "console": "What the instance announced on its console, read through EC2.",
        "fingerprint": "SHA256:… as the host's own console shows it, may be repeated.",
        "allow_replace": "Replace an existing pin (after a rebuild of the host).",
    },
    iterable=["fingerprint"],
)
def trust(
    c: Any,
    env: str = "",
    host: str = "",
    from_: str = "",
    console: bool = False,
    fingerprint: list[str] | None = None,
    allow_replace: bool = False,
) -> None:
    """Pin host keys that something vouches for."""
    from edgepaas_tasks.report import inventory as report
    from edgepaas_tasks.service import inventory, trust
    from edgepaas_tasks.service.service import load_service

    fingerprints = tuple(fingerprint or ())
    _require_one_source(from_, console, fingerprints)
    settings = load_service(c, env).settings
    jumps, hosts = inventory.jumps(settings), inventory.targets(settings)
    chosen = _choose([*jumps, *hosts], host)
    if console and not host:
        # A host on the way is not of the inventory: EC2 may not know it.
        chosen = [one for one in chosen if one not in jumps]
    evidence = _evidence(settings, chosen, from_, console, fingerprints)
    ask = _ask if sys.stdin.isatty() else None
    # A host on the way is pinned before what lies behind it can be looked at.
    steps = [[one] for one in chosen if one in jumps] + [[one for one in chosen if one in hosts]]
    found = [
        one for step in steps for one in trust.trust(step, evidence, ask, replace=allow_replace)
    ]
    say(report.pinned(found))


def _require_one_source(source: str, console: bool, fingerprints: Sequence[str]) -> None:
    from edgepaas_tasks.errors import SettingsError

    if sum([bool(source), console, bool(fingerprints)]) > 1:
        raise SettingsError("--from, --console and --fingerprint: one of them")
    for text in fingerprints:
        if not text.startswith("SHA256:") or len(text.rstrip("=")) != 50:
            raise SettingsError(
                f"--fingerprint {text!r}: expected SHA256: and 43 characters, as ssh-keygen -l prints it"
            )


def _choose(targets: Sequence[Target], host: str) -> list[Target]:
    """All of them, or those of that name or address."""
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.settings import nearest

    chosen = [one for one in targets if not host or host in (one.name, one.address)]
    if host and not chosen:
        names = [one.name for one in targets]
        raise SettingsError(
            f"--host {host}: no such host{nearest(host, names)} (known: {', '.join(names)})"
        )
    return chosen


def _evidence(
    settings: Settings,
    chosen: Sequence[Target],
    source: str,
    console: bool,
    fingerprints: Sequence[str],
) -> Callable[[Target], Evidence] | None:
    """What vouches for the hosts' keys; None where the operator is asked."""
    from edgepaas_tasks.console import places
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.service import inventory, trust

    if source:
        return trust.from_file(places.given(source))
    if fingerprints:
        if len(chosen) > len(fingerprints):
            raise SettingsError(
                f"--fingerprint: {len(chosen)} hosts ({', '.join(one.name for one in chosen)}): say which by --host"
            )
        return trust.from_fingerprints([text.rstrip("=") for text in fingerprints])
    if not console:
        return None
    from edgepaas_tasks.remote.cloud import aws

    account = inventory.account(settings)
    return trust.from_console(
        lambda target: aws.console(account, target.instance or target.address, target.name)
    )


def _ask(target: Target, shown: Sequence[Key]) -> bool:
    say(f"{target.name} ({target}) shows these keys, and nothing but the network vouches for them:")
    for key in shown:
        say(f"  {key}")
    say("Compare them with the host's own console: ssh-keygen -l -f /etc/ssh/ssh_host_…_key.pub")
    try:
        return input("Type yes to pin them: ").strip().lower() == "yes"
    except EOFError:
        raise Refused(f"{target.name}: no answer; nothing was pinned") from None


ns = Collection("hosts")
ns.add_task(show, default=True)
ns.add_task(trust)
