"""Traffic moved under load: by the flag, and by an nginx reload on the same host; and what the flag costs a request."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable

from bench.hosts import Machine, image
from bench.measure import alternate, ratio, table
from bench.project import Project
from bench.result import Result, Target
from edgepaas_tasks.lab.load import Load
from edgepaas_tasks.lab.load import Report as Lost
from edgepaas_tasks.remote import local

PORTS = {"blue": 8081, "green": 8082}
PAUSE = 0.25  # seconds between two flips
BASE = "/opt/edgepaas/guestbook-lab"

# A site as it is without a flag: one upstream, rewritten and reloaded. The lab publishes port 443.
_SITE = """
cat >/etc/nginx/conf.d/bench.conf.new <<END
upstream bench { server 127.0.0.1:$1; keepalive 16; }
server {
    listen 443;
    location / {
        proxy_pass http://bench;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host \\$host;
        add_header X-EdgePaaS-Release $2 always;
    }
}
END
mv /etc/nginx/conf.d/bench.conf.new /etc/nginx/conf.d/bench.conf
nginx -s reload
"""
_REMOVE = "rm -f /etc/nginx/conf.d/bench.conf && nginx -s reload"

# $1 base, then the two links in turn, how often, and seconds in between. On stdout the nanoseconds of each move as the
# flip makes it, and before them those of nothing: what the clock itself takes.
_FLAG = """
base=$1 one=$2 two=$3 count=$4 pause=$5
while [ "$count" -gt 0 ]; do
    idle=$(date +%s%N)
    begun=$(date +%s%N)
    ln -sfn "$two" "$base/live.new"
    mv -T "$base/live.new" "$base/live"
    echo "$((begun - idle)) $(($(date +%s%N) - begun))"
    swap=$one one=$two two=$swap count=$((count - 1))
    sleep "$pause"
done
"""

# Starts both containers and returns when both answer: their slots and releases.
_BOTH = """
docker start "$2" "$3" >/dev/null
for port in 8081 8082; do
    until curl -fs -o /dev/null "http://127.0.0.1:$port/health/ready"; do sleep 0.2; done
done
docker inspect -f "$1" "$2" "$3"
"""


def flips(project: Project, machine: Machine, result: Result, *, count: int) -> None:
    """Both slots run; `count` flips each way of moving, with 32 connections that stay and that do not."""
    assert project.host
    releases = _both(machine)
    live = machine.run('readlink "$1/live"', BASE).split("/")[1]
    idle = next(slot for slot in PORTS if slot != live)
    links = {slot: f"slots/{slot}/{number}" for slot, number in releases.items()}
    took: list[float] = []

    def by_flag() -> None:
        said = machine.run(_FLAG, BASE, links[live], links[idle], str(count), str(PAUSE))
        for line in said.splitlines():
            clock, whole = (int(word) / 1e6 for word in line.split())
            took.append(max(0.0, whole - clock))

    def by_reload() -> None:
        for turn in range(count):
            slot = (idle, live)[turn % 2]
            machine.run(f"{_SITE}\nsleep {PAUSE}", str(PORTS[slot]), releases[slot])

    rows, lost = [], {}
    try:
        # A reload ends connections: none of those that are counted below.
        machine.run(f"{_SITE}\nsleep 1", str(PORTS[live]), releases[live])
        for keep in (True, False):
            kind = "keep-alive" if keep else "short-lived"
            ways = (
                ("flag", project.host.http, by_flag),
                ("nginx reload", project.host.https, by_reload),
            )
            for name, port, move in ways:
                report = _under_load(f"http://127.0.0.1:{port}", move, keep_alive=keep)
                lost[name, kind] = report.failed
                if name == "flag" and report.failed:
                    print(report, flush=True)
                rows.append([name, kind, str(count), str(report.sent), str(report.failed)])
        columns = ["moved by", "connections", "flips", "requests", "failed"]
        result.table("Flips under load", table(columns, rows))
        result.target(
            Target(
                "failed requests, flag", lost["flag", "keep-alive"] + lost["flag", "short-lived"], 0
            )
        )
        result.target(Target("a flip on the host, ms", statistics.median(took), 5))
        _overhead(project, machine, result)
    finally:
        machine.run(_REMOVE)


def _overhead(project: Project, machine: Machine, result: Result) -> None:
    """Requests a second through the site with the flag, and through one with a plain proxy_pass."""
    live = machine.run('readlink "$1/live"', BASE).split("/")
    machine.run(f"{_SITE}\nsleep 1", str(PORTS[live[1]]), live[2].strip())

    def rate(port: int) -> Callable[[], float]:
        words = ("docker", "run", "--rm", "--network", f"container:{machine.container}")
        load = ("wrk", "-t", "1", "-c", "16", "-d", "4s", f"http://127.0.0.1:{port}/version")

        def run() -> float:
            found = re.search(
                r"Requests/sec:\s+([0-9.]+)", local.run(*words, image(), *load).stdout
            )
            assert found
            return float(found[1])

        return run

    found = alternate({"flag": rate(80), "plain proxy_pass": rate(443)}, 4)
    rows = [[name, str(series)] for name, series in found.items()]
    result.table("Requests a second through nginx", table(["site", "requests/s"], rows))
    value = ratio(found["flag"], found["plain proxy_pass"], larger_is_better=True)
    result.target(Target("throughput with the flag against plain", value, 0.9, at_least=True))


def _both(machine: Machine) -> dict[str, str]:
    """Starts the slot that is not live; the release of each."""
    form = '{{index .Config.Labels "edgepaas.slot"}} {{index .Config.Labels "edgepaas.release"}}'
    said = machine.run(_BOTH, form, *(f"guestbook-lab-{slot}" for slot in PORTS))
    return dict(line.split() for line in said.splitlines())


def _under_load(url: str, move: Callable[[], None], *, keep_alive: bool) -> Lost:
    with Load(url, connections=32, keep_alive=keep_alive, methods=("GET",), seconds=300) as load:
        move()
    return load.report
