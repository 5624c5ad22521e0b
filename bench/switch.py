"""A network with a delay: one device here, one in each host's namespace, and this program between them.

Packets wait, not bytes: Nagle's algorithm, delayed acknowledgements, windows and slow start are those of the kernel.
Runs as a process of its own (`python -m bench.switch PID…`); "SECONDS" on stdin sets the delay of one way, the end of
stdin ends it, and the devices with it. Needs root and /dev/net/tun.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress

SUBNET = "10.213.77"
HERE = f"{SUBNET}.1"
DEVICE = "edgepaas-bench"
MTU = 9001  # bytes, as in an EC2 network
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000  # linux/sched.h


def address(number: int) -> str:
    """Of the host with that number, from 0."""
    return f"{SUBNET}.{number + 10}"


def main() -> None:
    pids = [int(word) for word in sys.argv[1:]]
    here = _device(DEVICE, f"{HERE}/24")
    theirs = {number: _inside(pid, number) for number, pid in enumerate(pids)}
    print("ready", flush=True)
    _carry(here, {int(address(number).rsplit(".", 1)[1]): fd for number, fd in theirs.items()})


def _carry(here: int, theirs: dict[int, int]) -> None:
    """Every packet to where it is addressed, after the delay, in order."""
    delay = 0.0
    waiting: deque[tuple[float, int, bytes]] = deque()
    devices = [here, *theirs.values()]
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([*devices, 0], [], [], pause)
        now = time.monotonic()
        for fd in ready:
            if fd == 0:
                line = os.read(0, 64)
                if not line:
                    return
                delay = float(line.split()[-1])
                continue
            for packet in _packets(fd):
                # IPv4, destination address at 16 (RFC 791); its last byte is the host.
                target = theirs.get(packet[19]) if fd == here else here
                if packet[0] >> 4 == 4 and target is not None:
                    waiting.append((now + delay, target, packet))
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, fd, packet = waiting.popleft()
            with suppress(OSError):  # a full queue drops, as a real one does
                os.write(fd, packet)


def _packets(fd: int) -> list[bytes]:
    """What waits at a device, a few at a time so that no other one starves."""
    found = []
    for _ in range(64):
        try:
            found.append(os.read(fd, MTU + 64))
        except BlockingIOError:
            break
    return found


def _device(name: str, network: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    for words in (
        ("address", "add", network, "dev", name),
        ("link", "set", "dev", name, "mtu", str(MTU), "txqueuelen", "20000", "up"),
    ):
        subprocess.run(["ip", *words], check=True)
    return fd


def _inside(pid: int, number: int) -> int:
    """A device in the network namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        if libc.setns(other, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        return _device(DEVICE, f"{address(number)}/24")
    finally:
        libc.setns(own, _CLONE_NEWNET)
        os.close(own)
        os.close(other)


if __name__ == "__main__":
    main()
