"""`inv status` over several hosts, 50 ms away."""

from __future__ import annotations

from bench.hosts import Bench
from bench.measure import alternate, ratio, table
from bench.project import Project
from bench.result import Result, Target

RTT = 0.05


def status(bench: Bench, project: Project, result: Result, rounds: int) -> None:
    """On light hosts, where nothing is deployed: the same look, the same one script a host."""
    bench.delay(RTT)
    counts = [count for count in (1, 10, 30) if count <= len(bench.machines)]

    def run(count: int) -> float:
        hosts = [{"address": machine.far, "user": "root"} for machine in bench.machines[:count]]
        ssh = {"key": str(bench.key), "known_hosts": str(bench.known_hosts)}
        project.configure({"hosts": hosts, "ssh": ssh})
        return project.time("status", "--env", "lab").wall

    found = alternate({str(count): lambda count=count: run(count) for count in counts}, rounds)  # type: ignore[misc]
    row = ["inv status", *(str(found[str(count)]) for count in counts)]
    result.table("Status of several hosts, 50 ms", table(["s", *map(str, counts)], [row]))
    most = counts[-1]
    value = ratio(found[str(most)], found["1"])
    result.target(Target(f"status of {most} hosts against one", value, 2.0))
