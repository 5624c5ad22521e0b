"""Our own commands on a real host: setup and deploys that have nothing to change, against the same scripts by `ssh`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from bench.converge import RTTS
from bench.hosts import Bench, Machine
from bench.measure import Series, alternate, ratio, table
from bench.project import Project
from bench.result import Result, Target
from bench.tools import timed
from edgepaas_tasks import settings
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.fleet import setup as setups
from edgepaas_tasks.remote.batch import Batch
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.service import inventory
from edgepaas_tasks.service.service import describe

Program = tuple[str, bytes]


class Recorder(SSHTransport):
    """Keeps what it sends: the exec request and the program."""

    sent: list[Program]

    def execute(self, batch: Batch, chunks: Any, on_line: Any) -> Any:
        self.sent.append((batch.shell_line(), batch.program()))
        return super().execute(batch, chunks, on_line)


def setup(bench: Bench, project: Project, machine: Machine, result: Result, rounds: int) -> None:
    """`inv setup` on a ready host, and the scripts that it sends, sent by OpenSSH over one connection."""
    _move(bench, project, machine, 0)
    programs = recorded(project)
    found: dict[float, dict[str, Series]] = {}
    for rtt in RTTS:
        _move(bench, project, machine, rtt)
        found[rtt] = alternate(
            {
                "ssh, the same scripts": lambda: replayed(bench, machine, programs),
                "inv setup": lambda: project.time("setup", "--env", "lab").wall,
            },
            rounds,
        )
    rows = [
        [name, *(str(found[rtt][name]) for rtt in RTTS)]
        for name in ("ssh, the same scripts", "inv setup")
    ]
    columns = ["s", *(f"{rtt * 1000:.0f} ms" for rtt in RTTS)]
    result.table(f"A setup that changes nothing, {len(programs)} scripts", table(columns, rows))
    for rtt, series in found.items():
        value = ratio(series["inv setup"], series["ssh, the same scripts"])
        result.target(Target(f"setup against ssh, {rtt * 1000:.0f} ms", value, 1.3))


def deploy(bench: Bench, project: Project, machine: Machine, result: Result, rounds: int) -> None:
    """Deploys of a new version of the same code: phases, round trips, and what the distance adds."""
    rows, execs = [], 0
    for rtt in RTTS:
        _move(bench, project, machine, rtt)
        whole, phases = Series(), dict[str, Series]()
        for _ in range(rounds):
            said = project.deploy()
            times = re.search(r"^  ([0-9.]+) s: (.*)$", said, re.M)
            trips = re.search(r"\(([0-9]+) round trips\)", said)
            assert times, said
            assert trips, said
            whole.values.append(float(times[1]))
            execs = max(execs, int(trips[1]))
            for part in times[2].split(", "):
                name, seconds = part.split()
                phases.setdefault(name, Series()).values.append(float(seconds))
        each = ", ".join(f"{name} {series.median:.1f}" for name, series in phases.items())
        rows.append([f"{rtt * 1000:.0f} ms", str(whole), each])
    result.table(
        f"A steady-state deploy, {execs} scripts a host, bake of 1 s included",
        table(["RTT", "s", "phases (medians)"], rows),
    )
    result.target(Target("scripts of a steady-state deploy", execs, 8))


def scripts(bench: Bench, machine: Machine, result: Result, rounds: int, count: int = 6) -> None:
    """What a deploy's number of scripts costs over a distance, when the scripts themselves do nothing."""
    program = Batch(()).program()
    line = Batch(()).shell_line()
    hosts = bench.inventory(1)
    found = {}
    for rtt in RTTS:
        bench.delay(rtt)
        hosts = bench.inventory(1)
        words = [sys.executable, "-m", "bench.scripts", str(hosts), str(count)]
        found[rtt] = alternate(
            {
                "ssh": lambda: replayed(bench, machine, [(line, program)] * count, "root"),
                "ours": lambda words=words: timed(words).wall,  # type: ignore[misc]
            },
            rounds,
        )
    rows = [[name, *(str(found[rtt][name]) for rtt in RTTS)] for name in ("ssh", "ours")]
    columns = ["s", *(f"{rtt * 1000:.0f} ms" for rtt in RTTS)]
    result.table(f"{count} scripts that do nothing, over one connection", table(columns, rows))
    for rtt, series in found.items():
        value = ratio(series["ours"], series["ssh"])
        result.target(Target(f"a deploy's scripts against ssh, {rtt * 1000:.0f} ms", value, 1.3))


def recorded(project: Project) -> list[Program]:
    """The scripts of a setup that changes nothing."""
    of = describe(settings.load(project.tree, "lab"))
    Recorder.sent = []
    hosts = [Host(Recorder(target)) for target in inventory.targets(of.settings)]
    with Progress("record a setup") as progress:
        setups.setup(of, hosts, progress)
    return Recorder.sent


def replayed(
    bench: Bench, machine: Machine, programs: Sequence[Program], user: str = "ec2-user"
) -> float:
    """Seconds that OpenSSH's client takes for them: the first from cold, the others over its connection."""
    with bench.shared(machine, user) as words:
        return sum(timed([*words, line], stdin=program).wall for line, program in programs)


def _move(bench: Bench, project: Project, machine: Machine, rtt: float) -> None:
    bench.delay(rtt)
    project.at(machine.address(rtt), bench.known_hosts)
