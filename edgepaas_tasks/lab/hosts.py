"""One lab host: a container that runs systemd, sshd, and room for a Docker engine of its own."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.lab.state import LabHost
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.result import Result
from edgepaas_tasks.remote.ssh.hostkeys import known_name

LABEL = "edgepaas.lab"
READY = 60.0  # seconds for systemd and sshd

# Where full privilege is not to be had: every capability but the one that the machine itself may lack.
_CAPABILITIES = (
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined", "--device-cgroup-rule", "a *:* rwm"),
    *("--cgroupns", "host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
)
_PRIVILEGED = ("--privileged", "--cgroupns", "private")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody has. Fixed ones: Docker's own choice changes at every restart."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def name_volume(host: LabHost) -> None:
    """Gives the volume the names that it has on an instance, now and after every reboot."""
    text = 'echo "$1" >/etc/lab-volumes; systemctl restart lab-devices'
    inside(host, "sh", "-c", text, "sh", f"{host.device} {host.volume}")


def running(host: LabHost) -> bool:
    form = "{{.State.Running}}"
    return local.run("docker", "inspect", "-f", form, host.container, ok=(0, 1)).text == "true"


def exists(host: LabHost) -> bool:
    return local.run("docker", "inspect", host.container, ok=(0, 1)).code == 0


def create(host: LabHost, folder: Path, network: str, image: str) -> None:
    """Makes and starts the container."""
    words = (
        *("--name", host.container, "--hostname", host.name, "--network", network),
        *("--label", f"{LABEL}={folder}", "--network-alias", host.name),
        *("--tmpfs", "/run:exec", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec"),
        # All of /var/lib: the engine needs a real file system there, and its directory must not be a mount of its own.
        *("-v", f"{host.container}-lib:/var/lib", "--device", host.device),
        *("-p", f"127.0.0.1:{host.port}:22", "-p", f"127.0.0.1:{host.http}:80"),
        *("-p", f"127.0.0.1:{host.https}:443", image),
    )
    local.run(
        *("docker", "volume", "create", "--label", f"{LABEL}={folder}", f"{host.container}-lib")
    )
    # cgroup v2 hosts take full privilege with a tree of their own; on v1 nested containers fail that way.
    modern = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    for rights in (_PRIVILEGED, _CAPABILITIES) if modern else (_CAPABILITIES, _PRIVILEGED):
        result = local.run("docker", "run", "-d", *rights, *words, ok=(0, 125, 126, 127))
        if result.code == 0:
            break
        local.run("docker", "rm", "-f", host.container, ok=(0, 1))
    else:
        raise LabError(f"{host.name} does not start\n{result.tail()}")


def start(host: LabHost) -> None:
    """Starts a stopped host: the same ports, the same keys, the same disk."""
    local.run("docker", "start", host.container, timeout=120)


def reboot(host: LabHost) -> None:
    """As a reboot of an instance: everything on it ends and comes up again by itself."""
    local.run("docker", "restart", "-t", "20", host.container, timeout=120)
    wait_for_system(host)
    wait_for_login(host)


def inside(host: LabHost, *words: str, ok: tuple[int, ...] = (0,)) -> Result:
    """A command on the host as root, not over SSH: the way of a witness."""
    return local.run("docker", "exec", host.container, *words, ok=ok, timeout=120)


def wait_for_system(host: LabHost) -> None:
    """Returns when systemd has come up. Raises LabError."""
    accepted = (0, 1, 125, 126, 127)
    _until(
        host,
        lambda: (
            inside(host, "systemctl", "is-system-running", ok=accepted).text
            in ("running", "degraded")
        ),
        "systemd",
    )


def wait_for_login(host: LabHost) -> None:
    """Returns when sshd answers. Raises LabError."""
    _until(host, lambda: _banner(host.port), "sshd")


def _until(host: LabHost, condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY
    while not condition():
        if time.monotonic() > deadline:
            logs = local.run("docker", "logs", "--tail", "5", host.container, ok=(0, 1))
            raise LabError(f"{host.name}: no {what} after {READY:.0f} s\n{logs.tail(5)}")
        time.sleep(0.1)


def admit(host: LabHost, public_key: str) -> str:
    """Lets our key in, makes the host's own keys when it has none, and gives its known_hosts line."""
    text = """
    set -eu
    [ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
    install -d -m 700 -o ec2-user -g ec2-user /home/ec2-user/.ssh
    printf '%s\\n' "$1" >/home/ec2-user/.ssh/authorized_keys
    chown ec2-user: /home/ec2-user/.ssh/authorized_keys
    chmod 600 /home/ec2-user/.ssh/authorized_keys
    systemctl restart ssh
    cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub
    """
    # Read through docker exec, which nobody can stand in between: this is what makes the key trustworthy.
    key = inside(host, "sh", "-c", text, "sh", public_key).text
    return f"{known_name(host.address, host.port)} {key}"


def remove(container: str) -> None:
    """Removes the container and the engine's volume with everything nested in it."""
    words = "command -v docker >/dev/null && docker ps -q | xargs -r docker kill || :"
    local.run("docker", "exec", container, "sh", "-c", words, ok=(0, 1, 125, 126, 127, 137))
    local.run("docker", "rm", "-fv", container, ok=(0, 1), timeout=120)
    local.run("docker", "volume", "rm", f"{container}-lib", ok=(0, 1))


def _banner(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
