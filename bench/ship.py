"""Bytes to a host: our channel against OpenSSH's client with its fastest cipher."""

from __future__ import annotations

import os
from collections.abc import Iterator

from bench.hosts import Bench
from bench.measure import alternate, ratio, table
from bench.result import Result, Target
from bench.tools import timed
from edgepaas_tasks.remote.command import argv
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.remote.target import Target as Where

CHUNK = 256 * 1024


def ship(bench: Bench, result: Result, *, megabytes: int, rounds: int) -> None:
    """Without a delay and 50 ms away; bytes that do not compress, thrown away on the host."""
    machine = bench.machines[0]
    data = os.urandom(megabytes * 1_000_000)
    command = argv("dd", "of=/dev/null", "bs=256k").within(600)

    def theirs() -> float:
        words = bench.ssh(machine, "-c", "aes128-gcm@openssh.com")
        login = timed([*words, "true"]).wall
        return megabytes / (timed([*words, "cat >/dev/null"], stdin=data).wall - login)

    found = {}
    for rtt in (0.0, 0.05):
        bench.delay(rtt)
        address = machine.address(rtt)
        host = Host(
            SSHTransport(Where(address, address, None, "root", bench.key, bench.known_hosts))
        )
        host.read(argv("true"))  # connected: the login is measured elsewhere

        def ours(host: Host = host) -> float:
            host.stream(_chunks(data), command)
            return megabytes / host.trace[-1].seconds

        found[rtt] = alternate({"ssh -c aes128-gcm": theirs, "ours": ours}, rounds)
        host.close()
    names = list(found[0.0])
    rows = [[name, *(str(series[name]) for series in found.values())] for name in names]
    result.table(f"{megabytes} MB, MB/s", table(["", "0 ms", "50 ms"], rows))
    for rtt, series in found.items():
        value = ratio(series["ours"], series[names[0]], larger_is_better=True)
        result.target(
            Target(f"bytes a second against ssh, {rtt * 1000:.0f} ms", value, 0.9, at_least=True)
        )


def _chunks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), CHUNK):
        yield data[at : at + CHUNK]
