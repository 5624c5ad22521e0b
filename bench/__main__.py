"""`make bench` and `make bench-quick`: everything in one run, unattended; nothing is left behind, on Ctrl-C either."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import converge, deploys, flips, hosts, tools
from bench.project import Project, project
from bench.result import Result
from bench.ship import ship
from bench.startup import startup
from bench.status import status

NAMES = ("startup", "work", "many", "scripts", "status", "ship", "setup", "deploy", "flips")
QUICK = ("startup", "work", "many", "scripts", "status")
SEVERAL = frozenset({"many", "status"})
ON_A_LAB_HOST = frozenset({"setup", "deploy", "flips"})


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="a smaller run, under 3 minutes")
    options.add_argument("--only", action="append", choices=NAMES, help="one part; may be repeated")
    options.add_argument("--rounds", type=int, help="of each measurement (default: 5, quick: 3)")
    options.add_argument("--write", type=Path, help="a document with marks, for what was found")
    given = options.parse_args()
    # As Ctrl-C: the context managers below take down what they made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    result = Result()
    try:
        names = tuple(given.only or (QUICK if given.quick else NAMES))
        run(result, names, given.rounds or (3 if given.quick else 5), quick=given.quick)
    finally:
        # What was found before something failed, or Ctrl-C, is worth keeping on the screen, not in the document.
        print(result.text())
    if given.write:
        result.write(given.write)
    sys.exit(0 if all(target.met for target in result.targets) else 1)


def run(result: Result, names: tuple[str, ...], rounds: int, *, quick: bool) -> None:
    tools.compile_ours()
    if {"work", "many"} & {*names}:
        tools.prepare()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgepaas-bench-")))
        user = Project(folder)
        more = []
        if ON_A_LAB_HOST & {*names}:
            user = stack.enter_context(project(folder))
            more = [("edge1", user.container)]
        several = bool(SEVERAL & {*names})
        count = (10 if quick else 30) if several else 1
        bench = stack.enter_context(hosts.light(count, more))
        lab = bench.machines.pop() if more else bench.machines[-1]
        if user.host:
            bench.keys[user.host.user] = Path(user.host.key)
        parts: dict[str, Callable[[], None]] = {
            "startup": lambda: startup(user, folder, result, 5 * rounds),
            "work": lambda: converge.one_host(bench, result, rounds, quick=quick),
            "many": lambda: converge.many_hosts(bench, result, rounds, quick=quick),
            "scripts": lambda: deploys.scripts(bench, bench.machines[0], result, rounds),
            "status": lambda: status(bench, user, result, rounds),
            "ship": lambda: ship(bench, result, megabytes=20 if quick else 100, rounds=rounds),
            "setup": lambda: deploys.setup(bench, user, lab, result, rounds),
            "deploy": lambda: deploys.deploy(bench, user, lab, result, rounds),
            "flips": lambda: flips.flips(user, lab, result, count=10 if quick else 40),
        }
        for name in names:
            parts[name]()


main()
