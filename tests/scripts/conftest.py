"""The real scripts under the real sh, with stub programs in front of the PATH."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from edgepaas_tasks.remote.command import Command, script
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.shell import LocalTransport


class Stubs:
    """Programs that stand in for those of a host. `said` has every call, a line each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.log = folder / "calls"
        self.log.touch()

    def add(self, name: str, body: str = ":") -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.log}\n{body}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def said(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def stubs(tmp_path):
    return Stubs(tmp_path)


@pytest.fixture
def run(stubs):
    """Runs one static script as a host would, without its privilege."""
    environment = dict(os.environ, PATH=f"{stubs.folder}:{os.environ['PATH']}")
    transport = LocalTransport("stub", environment)
    host = Host(transport)

    def run(
        name: str,
        /,
        *arguments: str,
        codes: tuple[int, ...] = (0,),
        stdin: bytes | None = None,
        uses: tuple[str, ...] = (),
        **values: str,
    ):
        command: Command = script(name, *arguments, stdin=stdin, uses=uses, **values)
        command = command.allow(*codes)
        (result,) = host.read(command)
        return replace(result, seconds=host.trace[-1].seconds)

    run.host = host
    run.environment = transport._env
    return run


@pytest.fixture
def service(tmp_path, run):
    """A service's directory as `inv setup` makes it."""
    base = tmp_path / "edgepaas" / "shop-prod"
    run("directories", str(base))
    return base


def point(service, target):
    """Lets the flag lead there."""
    (service / target).mkdir(parents=True, exist_ok=True)
    link = service / "live"
    link.unlink()
    link.symlink_to(target)


def elsewhere(name, /, *arguments, stdin=None, uses=(), places=None, **values):
    """A script that names places of a system, with these in their place: pairs of a path and what stands in for it."""
    command = script(name, *arguments, stdin=stdin, uses=uses, **values)
    body = command.body
    for place, instead in places or ():
        body = body.replace(place, f"{instead}/")
    return replace(command, body=body).allow(*range(1, 256))
