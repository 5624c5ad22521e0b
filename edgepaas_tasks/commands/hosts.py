"""What the tasks of the hosts and of EC2 call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgepaas_tasks.console.task import Refused, say
from edgepaas_tasks.remote.ssh import connection, hostkeys, verification
from edgepaas_tasks.remote.ssh.hostkeys import Key
from edgepaas_tasks.remote.target import Target
from edgepaas_tasks.service import inventory, trust
from edgepaas_tasks.service.service import load_service
from edgepaas_tasks.service.trust import Evidence
from edgepaas_tasks.settings import SettingsError, nearest


def show(c: Any, env: str) -> list[dict[str, Any]]:
    """The environment's hosts and those on the way to them, each with what is pinned for it; none is asked."""
    settings = load_service(c, env).settings
    found = []
    for role, targets in (
        ("jump", inventory.jumps(settings)),
        ("host", inventory.targets(settings)),
    ):
        for target in targets:
            prepared = connection.prepare(target)
            name = verification.pinned_name(prepared)
            pins = hostkeys.read(verification.known_hosts(prepared, target))
            found.append(
                {
                    "name": target.name,
                    "role": role,
                    "address": prepared.host,
                    "port": prepared.port,
                    "user": prepared.user,
                    "instance": target.instance,
                    "pinned": [str(pin.key) for pin in hostkeys.known(pins, name).trusted],
                }
            )
    return found


def instances(c: Any, env: str) -> list[dict[str, Any]]:
    """The environment's instances, as EC2 describes them, with the address that we use."""
    settings = load_service(c, env).settings
    found = inventory.instances(settings)
    return [{**asdict(one), "address": address} for one, address in found]


def trust_hosts(
    c: Any,
    env: str,
    *,
    host: str,
    source: str,
    console: bool,
    fingerprints: Sequence[str],
    replace: bool,
) -> str:
    given = [bool(source), console, bool(fingerprints)]
    if sum(given) > 1:
        raise SettingsError("--from, --console and --fingerprint: one of them")
    for text in fingerprints:
        if not text.startswith("SHA256:") or len(text.rstrip("=")) != 50:
            raise SettingsError(
                f"--fingerprint {text!r}: expected SHA256: and 43 characters, as ssh-keygen -l prints it"
            )
    settings = load_service(c, env).settings
    jumps, hosts = inventory.jumps(settings), inventory.targets(settings)
    evidence: Callable[[Target], Evidence] | None = None
    chosen = [*jumps, *hosts]
    if host:
        chosen = [one for one in chosen if host in (one.name, one.address)]
        if not chosen:
            names = [one.name for one in [*jumps, *hosts]]
            raise SettingsError(
                f"--host {host}: no such host{nearest(host, names)} (known: {', '.join(names)})"
            )
    if source:
        evidence = trust.from_file(Path(source))
    elif fingerprints:
        evidence = trust.from_fingerprints([text.rstrip("=") for text in fingerprints])
        if len(chosen) > len(fingerprints):
            raise SettingsError(
                f"--fingerprint: {len(chosen)} hosts ({', '.join(one.name for one in chosen)}): say which by --host"
            )
    elif console:
        from edgepaas_tasks.remote.cloud import aws

        account = inventory.account(settings)
        # A host on the way is not of the inventory: EC2 may not know it.
        chosen = [one for one in chosen if host or one not in jumps]
        evidence = trust.from_console(
            lambda target: aws.console(account, target.instance or target.address, target.name)
        )
    ask = _ask if sys.stdin.isatty() else None
    # A host on the way is pinned before what lies behind it can be looked at.
    steps = [[one] for one in chosen if one in jumps] + [[one for one in chosen if one in hosts]]
    found = [one for step in steps for one in trust.trust(step, evidence, ask, replace=replace)]
    return "\n".join(trust.lines(found))


def _ask(target: Target, shown: Sequence[Key]) -> bool:
    say(f"{target.name} ({target}) shows these keys, and nothing but the network vouches for them:")
    for key in shown:
        say(f"  {key}")
    say("Compare them with the host's own console: ssh-keygen -l -f /etc/ssh/ssh_host_…_key.pub")
    try:
        return input("Type yes to pin them: ").strip().lower() == "yes"
    except EOFError:
        raise Refused(f"{target.name}: no answer; nothing was pinned") from None
