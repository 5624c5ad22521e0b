"""Few round trips, one connection: counted on a real host."""

from collections import Counter
from pathlib import Path

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.fleet import preflight as doctor
from edgepaas_tasks.fleet import setup as setups
from edgepaas_tasks.fleet import status
from edgepaas_tasks.release import deploy as deploys
from edgepaas_tasks.release import rollback
from edgepaas_tasks.release.request import Request
from edgepaas_tasks.remote.command import argv
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.ssh.connection import connect, disconnect
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.remote.target import Target
from edgepaas_tasks.service import inventory
from edgepaas_tasks.service.service import describe
from tests.lab.conftest import SETTINGS

# The most that a phase may take on a host, each round trip one script; a phase that is not here takes none. Stage and
# start are one. Commands that only look, and setup, name no phases.
BUDGET = {
    "deploy": {"look": 1, "ship": 1, "stage": 1, "flip": 1, "finish": 1},
    "rollback": {"look": 1, "stage": 1, "flip": 1, "finish": 1},
    "setup": {"": 2},
    "status": {"": 1},
    "preflight": {"": 1},
}


@pytest.fixture
def command(project, monkeypatch):
    """Runs one command on the project's host, as `inv` does; round trips by phase."""
    monkeypatch.chdir(project.folder)
    of = describe(settings.load(SETTINGS, "lab"))

    def run(name: str) -> Counter[str]:
        hosts = inventory.connect(of.settings, dry_run=False, observe=None)
        (host,) = hosts
        with Progress("counted") as progress:
            match name:
                case "deploy":
                    deploys.deploy(of, hosts, progress, Request(version="counted"), 0)
                case "rollback":
                    rollback.rollback(of, hosts, progress, rollback.Back(), 0)
                case "setup":
                    setups.setup(of, hosts, progress)
                case "status":
                    status.status(of, hosts)
                case "preflight":
                    doctor.preflight(of, hosts)
        host.close()
        return Counter(one.phase for one in host.trace)

    return run


def test_no_phase_takes_more_round_trips_than_it_may(project, command):
    project.change("# counted")
    for name, budget in BUDGET.items():
        counts = command(name)
        over = {phase: n for phase, n in counts.items() if n > budget.get(phase, 0)}
        assert not over, f"{name}: {counts}"
        assert sum(counts.values()) >= 1
    assert sum(BUDGET["deploy"].values()) <= 8


def test_the_tasks_of_one_call_share_a_connection(project):
    logins = project.host.logins()
    project.inv("preflight", "--env", "lab", "status", "--env", "lab", "setup", "--env", "lab")
    assert project.host.logins() - logins == 1


def test_a_batch_finds_its_shell_waiting(project):
    """The second session is there before its batch is: one shell more waits on the host while the first still runs."""
    lab = project.host.host
    key, known_hosts = Path(lab.key), Path(lab.known_hosts)
    host = Host(SSHTransport(Target("ahead", lab.address, lab.port, lab.user, key, known_hosts)))
    waiting = "sleep 3; pgrep -xc sudo || :"
    (alone,) = host.read(argv("sh", "-c", waiting).as_root())
    host.expects_more = True
    (ahead,) = host.read(argv("sh", "-c", waiting).as_root())
    assert int(ahead.text) == int(alone.text) + 1
    host.expects_more = False
    (used,) = host.read(argv("sh", "-c", waiting).as_root())
    assert used.text == alone.text, "the one that waited is the one that runs"
    host.expects_more = True
    host.read(argv("true").as_root())
    host.close()
    assert project.host.run(waiting) == "0", "none is left"


def test_no_connection_dawdles_nor_its_jump_host(project, monkeypatch, tmp_path):
    import socket

    lab = project.host.host
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh" / "config").write_text(
        f"Host inner\n HostName 127.0.0.1\n Port 22\n ProxyJump outer\n"
        f"Host outer\n HostName {lab.address}\n Port {lab.port}\n User {lab.user}\n"
        f" IdentityFile {lab.key}\n"
    )
    pins = Path(lab.known_hosts).read_text()
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(pins + "127.0.0.1 " + pins.split(" ", 1)[1])
    monkeypatch.setenv("HOME", str(tmp_path))
    found = connect(Target("inner", "inner", None, lab.user, Path(lab.key), known_hosts))
    try:
        sock = found.gateway.transport.sock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0
    finally:
        disconnect(found)
    assert not found.gateway.is_connected
