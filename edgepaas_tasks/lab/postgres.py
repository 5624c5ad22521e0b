"""The lab's Postgres: a managed database as a cloud has it, over TLS, for the hosts' containers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from edgepaas_tasks.errors import LabError
from edgepaas_tasks.lab import images, networks
from edgepaas_tasks.lab.hosts import LABEL
from edgepaas_tasks.lab.state import State
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.result import Result

NAME = "db.lab.test"
READY = 60.0  # seconds
# Of a managed database a restart changes nothing: the server with TLS, and the one without.
PLACES = {"postgres": 1, "plain": 2}


@dataclass(frozen=True)
class Postgres:
    """A running server; `url` is the app's, with its password."""

    container: str
    address: str
    password: str

    @property
    def url(self) -> str:
        return f"postgresql://guestbook:{self.password}@{self.address}:5432/guestbook"

    def sql(self, text: str) -> str:
        """What a query says, asked as the server's own superuser."""
        return self.run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text, "guestbook").text

    def run(self, *words: str, ok: tuple[int, ...] = (0,)) -> Result:
        user = ("-u", "postgres", "-w", "/")
        return local.run("docker", "exec", *user, self.container, *words, ok=ok)

    def certificate(self, authority: str = "ca") -> str:
        """The PEM text of the authority that signed the server's certificate, or of another one, "otherca"."""
        return self.run("cat", f"/var/lib/postgresql/tls/{authority}.crt").stdout

    def log(self) -> str:
        """Everything the server has logged, each statement with its client's application name."""
        done = local.run("docker", "logs", self.container)
        return done.stdout + done.stderr

    def stop(self) -> None:
        local.run("docker", "stop", "-t", "10", self.container)

    def start(self) -> None:
        local.run("docker", "start", self.container)
        self.wait()

    def wait(self) -> None:
        """Returns when it answers. Raises LabError."""
        deadline = time.monotonic() + READY
        while self.run("psql", "-qAtX", "-c", "SELECT 1", "guestbook", ok=(0, 1, 2)).code != 0:
            if time.monotonic() > deadline:
                raise LabError(f"{self.container} does not answer: {self.log()[-2000:]}")
            time.sleep(0.1)


def serve(known: State, *, tls: bool = True, suffix: str = "postgres") -> Postgres:
    """The lab's server, made when there is none. It keeps its data until the lab goes."""
    name = f"{known.network}-{suffix}"
    if local.run("docker", "start", name, ok=(0, 1)).code != 0:
        words = ("--label", f"{LABEL}={known.folder}", "--network", known.network)
        address = networks.fixed(known.network, PLACES[suffix])
        at = ("--ip", address) if address else ()
        settings = (
            "-e",
            f"PASSWORD={known.database_password}",
            "-e",
            f"TLS={'on' if tls else 'off'}",
        )
        alias = ("--network-alias", NAME) if tls else ()
        local.run(
            "docker", "run", "-d", "--name", name, *words, *at, *alias, *settings, images.postgres()
        )
    found = find(known, suffix)
    found.wait()
    return found


def find(known: State, suffix: str = "postgres") -> Postgres:
    """The lab's server as it is, running or not."""
    name = f"{known.network}-{suffix}"
    # Its own, also while it is stopped; in a network without such ones, what it was given.
    form = "{{range .NetworkSettings.Networks}}{{with .IPAMConfig}}{{.IPv4Address}}{{end}} {{.IPAddress}}{{end}}"
    found = local.run("docker", "inspect", "-f", form, name, ok=(0, 1)).text.split()
    return Postgres(name, found[0] if found else "", known.database_password)
