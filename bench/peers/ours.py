"""W with this project's builders: a look and a change, each one script, over one connection a host."""

import base64
import json
import sys
from pathlib import Path

import work

from edgepaas_tasks.remote.batch import Batch
from edgepaas_tasks.remote.command import Command, argv, script
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.parallel import on_each
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.remote.target import Target

SCRIPTS = Path(__file__).parent / "scripts"


def own(name: str, *words: str) -> Command:
    """A script of the bench's own."""
    return Command((name, *words), name=name, body=(SCRIPTS / f"{name}.sh").read_text())


def look() -> list[Command]:
    return [
        argv("sh", "-c", work.TAKE).called("take the lease"),
        script("facts"),
        *(argv("sh", "-c", check) for check in work.CHECKS),
    ]


def changes() -> list[Command]:
    return [
        own("directories", *(word for pair in work.DIRECTORIES.items() for word in pair)),
        *(
            script("put", path, mode, stdin=text.encode())
            for path, (mode, text) in work.FILES.items()
        ),
        own("line", *work.LINE),
        own("link", *work.LINK),
        # Whether the service needs a restart is decided on the host, in the same script.
        own("serve", f"{work.BASE}/app/conf", work.RESTART, work.POLL),
        argv("rm", "-f", work.LEASE).called("give the lease back"),
    ]


def converge(host: Host) -> None:
    host.expects_more = True
    host.change(*look())
    host.expects_more = False
    host.change(*changes())


def main() -> None:
    if sys.argv[1] == "--programs":
        for commands in (look(), changes()):
            text = Batch(tuple(commands)).program().partition(b"\n")[2]
            print(base64.b64encode(text).decode())
        return
    hosts = json.loads(Path(sys.argv[1]).read_text())
    key, known = Path(hosts["key"]), Path(hosts["known_hosts"])
    on_each(
        [
            Host(SSHTransport(Target(one, one, None, "root", key, known)))
            for one in hosts["addresses"]
        ],
        converge,
    )


main()
