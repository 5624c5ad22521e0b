"""The login of a registry, which this machine and the hosts use once and keep nowhere."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.console.task import conceal
from edgepaas_tasks.env.values.layers import resolve
from edgepaas_tasks.env.values.schema import schema_from
from edgepaas_tasks.env.values.secret import Secret
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.images import names
from edgepaas_tasks.remote import local
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.variables import sources


@dataclass(frozen=True)
class Login:
    """The user of a server, and the password, which is written to a program's stdin and nowhere else."""

    server: str
    user: str
    password: Secret


def login(settings: Settings, server: str) -> Login | None:
    """The login for a server, None where no user is set: the engines' own logins are used then.

    Raises SettingsError when the password has no value.
    """
    if not settings.image.username:
        return None
    name, text = settings.image.password, password(settings)
    if not text:
        raise SettingsError(
            f"image.username is {settings.image.username}, and {name} (image.password) has no value",
            next_step=f"set it in the process environment, or {name}_FILE to a file with it",
        )
    return Login(names.registry(server), settings.image.username, Secret(text))


def password(settings: Settings) -> str:
    """The value of the variable that `image.password` names, from the sources of all variables; empty when it has none.

    The application does not get it.
    """
    name = settings.image.password
    declared = schema_from({name: {"type": "string", "secret": True}})
    layers, _ = sources.layers(settings, declared, ())
    found = resolve(declared, layers, environment=settings.environment).values.get(name)
    if found is None or not found.text:
        return ""
    conceal(found.text)
    return found.text


@contextmanager
def logged_in(login: Login | None) -> Iterator[Mapping[str, str]]:
    """The environment of a docker client that is logged in; its configuration, 0600, is gone afterwards."""
    if login is None:
        yield os.environ
        return
    theirs = Path(os.environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    with tempfile.TemporaryDirectory(prefix="edgepaas-") as folder:  # 0700
        for name in ("contexts", "cli-plugins"):
            if (theirs / name).is_dir():
                (Path(folder) / name).symlink_to(theirs / name)
        # A context says which engine; a store of credentials would keep what is meant for this once.
        kept = {"currentContext": one} if (one := _context(theirs)) else {}
        descriptor = os.open(Path(folder) / "config.json", os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        environment = {**os.environ, "DOCKER_CONFIG": folder}
        words = ("docker", "login", "--username", login.user, "--password-stdin", login.server)
        local.run(*words, stdin=login.password.reveal(), env=environment)
        yield environment


def _context(folder: Path) -> str:
    try:
        return str(json.loads((folder / "config.json").read_text()).get("currentContext", ""))
    except (OSError, ValueError, AttributeError):
        return ""
