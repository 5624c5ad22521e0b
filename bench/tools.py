"""Every tool that does W, as a program to run: from nothing to the end, as a user would call it."""

from __future__ import annotations

import base64
import compileall
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.hosts import FOLDER, Bench, Machine
from edgepaas_tasks.remote import local

PEERS = FOLDER / "peers"
ROOT = FOLDER.parent
VENV = ROOT / ".bench" / "peers"
PACKAGES = ("pyinfra==3.10.0", "ansible-core==2.19.14")
LIMIT = 600.0  # seconds for one run


@dataclass(frozen=True)
class Run:
    """Wall and CPU time of one run of a program and its children, seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Tool:
    name: str
    run: Callable[[Bench, int], Run]


def timed(
    words: list[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Run:
    """Raises RuntimeError with the program's output when it fails."""
    before, begun = _processor_time(), time.monotonic()
    done = subprocess.run(
        words,
        input=stdin,
        capture_output=True,
        cwd=cwd,
        timeout=LIMIT,
        env={**os.environ, **(env or {})},
    )
    wall = time.monotonic() - begun
    cpu = _processor_time() - before
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{words[0]} failed ({done.returncode})\n{said}")
    return Run(wall, cpu)


def _processor_time() -> float:
    """Of all programs that ended so far."""
    now = os.times()
    return now.children_user + now.children_system


def compile_ours() -> None:
    """Our modules as bytecode, which pip makes when it installs them; Invoke keeps Python from doing so later."""
    for folder in (ROOT / "edgepaas_tasks", ROOT / "remote", ROOT / "env", PEERS):
        if not compileall.compile_dir(folder, quiet=1):
            raise RuntimeError(f"{folder} does not compile")


def prepare() -> None:
    """The peers' virtual environment, never ours."""
    if not (VENV / "bin" / "pyinfra").exists():
        local.run(sys.executable, "-m", "venv", str(VENV), timeout=120)
        local.run(str(VENV / "bin" / "pip"), "install", "-q", *PACKAGES, timeout=600)


def _one_script(bench: Bench, count: int) -> Run:
    """The floor from cold: one login, one script; to several hosts all at once."""

    def send(machine: Machine) -> None:
        timed([*bench.ssh(machine), "sh -s"], stdin=b"".join(_programs()))

    before, begun = _processor_time(), time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(send, bench.machines[:count]))
    return Run(time.monotonic() - begun, _processor_time() - before)


def _two_scripts(bench: Bench, count: int) -> Run:
    """The floor for our number of scripts: the second over the connection of the first."""
    with bench.shared(bench.machines[0]) as words:
        runs = [timed([*words, "sh -s"], stdin=program) for program in _programs()]
    return Run(sum(run.wall for run in runs), sum(run.cpu for run in runs))


@cache
def _programs() -> tuple[bytes, ...]:
    """The scripts that ours sends."""
    words = [sys.executable, str(PEERS / "ours.py"), "--programs"]
    out = local.run(*words, env={**os.environ, "PYTHONPATH": str(ROOT)}).text
    return tuple(base64.b64decode(line) for line in out.splitlines())


def _ours(bench: Bench, count: int) -> Run:
    words = [sys.executable, str(PEERS / "ours.py"), str(bench.inventory(count))]
    return timed(words, env={"PYTHONPATH": str(ROOT)})


def _naive(bench: Bench, count: int) -> Run:
    return timed([sys.executable, str(PEERS / "naive.py"), str(bench.inventory(count))])


def _pyinfra(bench: Bench, count: int) -> Run:
    words = [
        str(VENV / "bin" / "pyinfra"),
        "-y",
        str(PEERS / "pyinfra_hosts.py"),
        str(PEERS / "pyinfra_work.py"),
    ]
    return timed(words, env={"BENCH_HOSTS": str(bench.inventory(count))})


def _ansible(bench: Bench, count: int) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        local.run(sys.executable, str(PEERS / "playbook.py"), str(bench.inventory(count)), name)
        env = {"ANSIBLE_CONFIG": f"{name}/ansible.cfg", "ANSIBLE_HOME": f"{name}/home"}
        try:
            return timed([str(VENV / "bin" / "ansible-playbook"), f"{name}/playbook.yml"], env=env)
        finally:
            # Each run from cold: the connections that its client would keep are ended.
            for socket in (folder / "cp").glob("*"):
                subprocess.run(
                    ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "x"], capture_output=True
                )


COLD = Tool("ssh host sh -s, one script", _one_script)
FLOOR = Tool("ssh host sh -s, two scripts", _two_scripts)
OURS = Tool("ours", _ours)
NAIVE = Tool("Fabric, one command a step", _naive)
PYINFRA = Tool("pyinfra", _pyinfra)
ANSIBLE = Tool("ansible-core, pipelining", _ansible)
