"""A process that sends a number of empty scripts to a host, as a deploy sends its own: bench.scripts HOSTS COUNT."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edgepaas_tasks.remote.command import argv
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.remote.target import Target


def main() -> None:
    hosts = json.loads(Path(sys.argv[1]).read_text())
    count = int(sys.argv[2])
    (address,) = hosts["addresses"]
    target = Target(address, address, None, "root", Path(hosts["key"]), Path(hosts["known_hosts"]))
    host = Host(SSHTransport(target))
    for left in range(count, 0, -1):
        host.expects_more = left > 1
        host.read(argv("true"))
    host.close()


if __name__ == "__main__":
    main()
