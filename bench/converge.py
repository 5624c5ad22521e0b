"""W by every tool: the same end state, and how long a run takes that has nothing to change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bench.hosts import Bench
from bench.measure import Series, alternate, ratio, table
from bench.result import Result, Target
from bench.tools import ANSIBLE, COLD, FLOOR, NAIVE, OURS, PYINFRA, Tool

RTTS = (0.0, 0.05, 0.15)  # seconds

_RESET = (
    "work-service stop; rm -rf /srv/bench /run/bench; mkdir -p /srv/bench /run/bench; umask 022"
)
# Names, kinds, modes, owners, contents, links; what the service answers; and, apart, when each file was written.
_PICTURE = """
cd /srv/bench && find . | LC_ALL=C sort | while read -r f; do
    stat -c '%n %F %a %U %G' "$f"
    if [ -L "$f" ]; then readlink "$f"; elif [ -f "$f" ]; then cat "$f"; fi
done
curl -s http://127.0.0.1:8080/health; ls /run/bench
"""
_TIMES = (
    "cd /srv/bench && find . -type f | LC_ALL=C sort | xargs stat -c '%n %Y'; cat /run/bench.pid"
)


def same_end_state(bench: Bench, chosen: Sequence[Tool]) -> None:
    """Raises AssertionError when two tools leave a host differently, or when a second run of one changes anything."""
    bench.delay(0)
    host = bench.machines[0]
    pictures = {}
    for tool in chosen:
        host.run(_RESET)
        tool.run(bench, 1)
        pictures[tool.name] = host.run(_PICTURE)
        assert "workers = 4" in pictures[tool.name], f"{tool.name}: the service does not answer"
        before = host.run(_TIMES)
        tool.run(bench, 1)
        assert host.run(_TIMES) == before, f"{tool.name}: its second run changed something"
        assert host.run(_PICTURE) == pictures[tool.name]
    (first, wanted), *others = pictures.items()
    for name, picture in others:
        assert picture == wanted, f"{name} and {first} differ:\n{picture}\n{wanted}"


def one_host(bench: Bench, result: Result, rounds: int, *, quick: bool) -> None:
    """Every tool on one host, over each delay."""
    chosen = [COLD, FLOOR, OURS, NAIVE, PYINFRA] + ([] if quick else [ANSIBLE])
    same_end_state(bench, chosen)
    result.say(f"{len(chosen)} tools leave a host in the same state, byte for byte")
    found: dict[float, dict[str, Series]] = {}
    for rtt in (0.05,) if quick else RTTS:
        bench.delay(rtt)
        found[rtt] = _no_change(bench, 1, chosen, rounds)
    columns = [
        "no-change run, s",
        *(f"{rtt * 1000:.0f} ms" for rtt in found),
        "against ours at 50 ms",
    ]
    middle = found[0.05]
    rows = [
        [
            tool.name,
            *(str(found[rtt][tool.name]) for rtt in found),
            f"{ratio(middle[tool.name], middle[OURS.name]).median:.2f}",
        ]
        for tool in chosen
    ]
    result.table("W on one host", table(columns, rows))
    for rtt, series in found.items():
        value = ratio(series[OURS.name], series[FLOOR.name])
        result.target(Target(f"W against the floor, {rtt * 1000:.0f} ms", value, 1.3))
    for tool, least in ((NAIVE, 3.0), (PYINFRA, 5.0), (ANSIBLE, 12.0)):
        if tool in chosen:
            times = ratio(middle[tool.name], middle[OURS.name])
            result.target(Target(f"faster than {tool.name}, 50 ms", times, least, at_least=True))


def many_hosts(bench: Bench, result: Result, rounds: int, *, quick: bool) -> None:
    """The same on several hosts at once, 50 ms away."""
    bench.delay(0.05)
    for machine in bench.machines:
        machine.run(_RESET)
    OURS.run(bench, len(bench.machines))
    counts = [count for count in (1, 10, 30) if count <= len(bench.machines)]
    # OpenSSH's client to all at once shows what the hosts themselves take, which share this machine's cores.
    chosen = [COLD, OURS] if quick else [COLD, OURS, NAIVE, PYINFRA, ANSIBLE]
    found: dict[int, dict[str, Series]] = {}
    for count in counts:
        fitting = [tool for tool in chosen if tool is not ANSIBLE or count <= 10]
        found[count] = _no_change(bench, count, fitting, rounds)
    rows = [
        [tool.name, *(str(found[count].get(tool.name, "-")) for count in counts)] for tool in chosen
    ]
    result.table("W on several hosts, 50 ms", table(["no-change run, s", *map(str, counts)], rows))
    for count, most in ((10, 1.2), (30, 2.0)):
        if count in found:
            value = ratio(found[count][OURS.name], found[1][OURS.name])
            result.target(Target(f"{count} hosts against one, 50 ms", value, most))
            value = ratio(found[count][OURS.name], found[count][COLD.name])
            result.target(Target(f"{count} hosts against ssh to all at once, 50 ms", value, 1.3))
    cpu = {
        count: Series([OURS.run(bench, count).cpu for _ in range(3)]) for count in (1, counts[-1])
    }
    each = (cpu[counts[-1]].median - cpu[1].median) / (counts[-1] - 1)
    result.target(Target("controller CPU for one more host, ms", each * 1000, 50))


def _no_change(bench: Bench, count: int, chosen: Sequence[Tool], rounds: int) -> dict[str, Series]:
    def run(tool: Tool) -> float:
        return tool.run(bench, count).wall

    what = {tool.name: partial(run, tool) for tool in chosen}
    return alternate(what, rounds, slow=(PYINFRA.name, ANSIBLE.name))
