"""Light hosts: containers that run nothing but sshd, reached without a delay and through the switch with one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import switch
from edgepaas_tasks.lab import engine, images
from edgepaas_tasks.remote import local

LABEL = "edgepaas.bench"
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Machine:
    """A host of the bench. `near` is its address on Docker's own network, `far` the one behind the switch."""

    name: str
    container: str
    near: str
    far: str

    def address(self, rtt: float) -> str:
        return self.far if rtt else self.near

    def run(self, text: str, *words: str) -> str:
        """A command on the host as root, not over SSH."""
        return local.run("docker", "exec", self.container, "sh", "-c", text, "sh", *words).stdout


class Bench:
    """The hosts, a key to log in with, and the delay between them and this machine."""

    def __init__(self, folder: Path, machines: Sequence[Machine], wire: subprocess.Popen[str]):
        self.folder = folder
        self.machines = list(machines)
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self.keys: dict[str, Path] = {}  # of users that have another
        self._wire = wire
        self.rtt = 0.0

    def delay(self, rtt: float) -> None:
        """Seconds of a round trip from now on."""
        assert self._wire.stdin
        self._wire.stdin.write(f"{rtt / 2}\n")
        self._wire.stdin.flush()
        self.rtt = rtt

    def ssh(self, machine: Machine, *options: str, user: str = "root") -> list[str]:
        """The words of OpenSSH's client, as it is by default but for the files."""
        return [
            *(
                "ssh",
                "-F",
                "/dev/null",
                "-i",
                str(self.keys.get(user, self.key)),
                "-o",
                "BatchMode=yes",
            ),
            *("-o", f"UserKnownHostsFile={self.known_hosts}", *options),
            f"{user}@{machine.address(self.rtt)}",
        ]

    @contextmanager
    def shared(self, machine: Machine, user: str = "root") -> Iterator[list[str]]:
        """The same, but all calls within go over the connection of the first."""
        with tempfile.TemporaryDirectory() as folder:
            options = (f"ControlPath={folder}/c", "ControlMaster=auto", "ControlPersist=60")
            words = self.ssh(machine, *(word for one in options for word in ("-o", one)), user=user)
            try:
                yield words
            finally:
                subprocess.run([*words[:-1], "-O", "exit", words[-1]], capture_output=True)

    def inventory(self, count: int) -> Path:
        """The first hosts as a JSON file that the programs of bench/peers read."""
        path = self.folder / f"hosts-{count}.json"
        tree = {
            "addresses": [machine.address(self.rtt) for machine in self.machines[:count]],
            "key": str(self.key),
            "known_hosts": str(self.known_hosts),
        }
        path.write_text(json.dumps(tree))
        return path


@contextmanager
def light(count: int, more: Sequence[tuple[str, str]] = ()) -> Iterator[Bench]:
    """So many hosts, gone again at the end. `more`: names and containers of running ones, for the switch as well."""
    engine.ensure(print)
    made_of = image()
    run = str(os.getpid())
    _clear()
    with tempfile.TemporaryDirectory(prefix="edgepaas-bench-") as name:
        folder = Path(name)
        local.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
        names = [f"edgepaas-bench-{run}-{number}" for number in range(count)]
        wire: subprocess.Popen[str] | None = None
        try:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda one: _start(one, made_of, run, folder), names))
            containers = [*names, *(container for _, container in more)]
            wire, machines = _connect(containers, dict(more))
            bench = Bench(folder, machines, wire)
            bench.known_hosts.write_text("".join(_pins(machine) for machine in machines))
            yield bench
        finally:
            if wire is not None and wire.stdin:
                wire.stdin.close()
                wire.wait(10)
            _remove(run)


def _remove(run: str) -> None:
    words = ("docker", "ps", "-aq", "--filter", f"label={LABEL}={run}")
    if found := local.run(*words).text.split():
        local.run("docker", "rm", "-f", *found, ok=(0, 1), timeout=300)


def _clear() -> None:
    """What a run left that was killed: its process is gone."""
    form = f'{{{{.Label "{LABEL}"}}}}'
    said = local.run("docker", "ps", "-a", "--filter", f"label={LABEL}", "--format", form).text
    for run in set(said.split()):
        if not Path("/proc", run).exists():
            _remove(run)


def _connect(
    containers: Sequence[str], named: dict[str, str]
) -> tuple[subprocess.Popen[str], list[Machine]]:
    form = "{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    lines = local.run("docker", "inspect", "-f", form, *containers).text.splitlines()
    pids = [line.split()[0] for line in lines]
    wire = subprocess.Popen(
        [sys.executable, "-m", "bench.switch", *pids],
        cwd=FOLDER.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert wire.stdout
    if wire.stdout.readline() != "ready\n":
        raise RuntimeError("the delaying switch did not start: root and /dev/net/tun are needed")
    labels = {container: name for name, container in named.items()}
    return wire, [
        Machine(
            labels.get(container, f"h{number}"), container, line.split()[1], switch.address(number)
        )
        for number, (container, line) in enumerate(zip(containers, lines, strict=True))
    ]


def _start(name: str, image: str, run: str, folder: Path) -> None:
    local.run(
        *("docker", "run", "-d", "--name", name, "--hostname", name, "--label", f"{LABEL}={run}"),
        *("--tmpfs", "/run:exec", image),
        *("sh", "-c", _FIRST, "sh", (folder / "key.pub").read_text()),
        timeout=120,
    )


_FIRST = """
mkdir -p /run/sshd /run/bench
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
install -d -m 700 /root/.ssh && printf '%s' "$1" >/root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys
exec /usr/sbin/sshd -D -e
"""


def _pins(machine: Machine) -> str:
    text = "until [ -s $1 ]; do sleep 0.1; done; cut -d' ' -f1,2 $1"
    key = machine.run(text, "/etc/ssh/ssh_host_ed25519_key.pub").strip()
    return f"{machine.near} {key}\n{machine.far} {key}\n"


def image() -> str:
    """The image of the bench's hosts, named by what it is made of."""
    images.ensure("debian", print)
    base = images.host("debian")
    parts = [
        (FOLDER / name).read_bytes() for name in ("image.Dockerfile", "work-service", "work-server")
    ]
    digest = hashlib.sha256(b"\0".join([base.encode(), *parts])).hexdigest()
    name = f"{images.NAME}/bench:{digest[:12]}"
    if local.run("docker", "image", "inspect", name, ok=(0, 1)).code != 0:
        local.run(
            *("docker", "build", "-q", "-t", name, "--label", f"{images.NAME}=image"),
            *("--build-arg", f"HOST={base}"),
            *("-f", str(FOLDER / "image.Dockerfile"), str(FOLDER)),
            timeout=600,
            env=dict(os.environ, DOCKER_BUILDKIT="0"),
        )
    return name
