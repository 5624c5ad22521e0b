"""An image in a registry that hosts pull from, and the login that both sides use once and keep nowhere."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.console.boundary import Refused, conceal
from edgepaas_tasks.images import names
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.settings import Settings, SettingsError
from edgepaas_tasks.variables import sources
from env.layers import resolve
from env.schema import schema_from
from env.secret import Secret
from remote import local
from remote.errors import CommandFailed

PUSH = 1800.0  # seconds


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
            f"image.username is {settings.image.username}, and {name} (image.password) has no value\n"
            f"  next:  set it in the process environment, or {name}_FILE to a file with it"
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


def publish(settings: Settings, here: Image) -> str:
    """Push the image to the registry; the name with its digest, as hosts pull it. Raises CommandFailed."""
    chosen = settings.image
    pushing = chosen.push_server or chosen.server
    name = here.reference.partition("@")[0].rpartition("/")[2]
    target = f"{pushing}/{name}"
    local.run("docker", "tag", here.id, target)
    try:
        with logged_in(login(settings, pushing)) as environment:
            local.run("docker", "push", "--quiet", target, timeout=PUSH, env=environment)
        form = "{{range .RepoDigests}}{{println .}}{{end}}"
        told = local.run("docker", "image", "inspect", "--format", form, target).text.split()
    except CommandFailed as error:
        raise CommandFailed(
            error.host,
            f"the image could not be pushed to {pushing}; no host was changed",
            code=error.code,
            tried=error.tried,
            got=error.got,
            next_step="check image.server, image.username and the password, then deploy again",
        ) from None
    finally:
        local.run("docker", "rmi", target, ok=(0, 1))
    path = names.familiar(target.rpartition(":")[0])
    for one in told:
        if names.familiar(one).startswith(f"{path}@"):
            return f"{chosen.server}/{name.rpartition(':')[0]}@{one.partition('@')[2]}"
    raise Refused(f"the engine does not say under which digest {target} was pushed")


def fetch(settings: Settings, reference: str, platform: str = "") -> None:
    """Pull an image that somebody else built onto this machine. Raises CommandFailed."""
    server = settings.image.server
    ours = bool(server) and names.familiar(reference).startswith(f"{names.familiar(server)}/")
    words = ("--platform", platform) if platform else ()
    with logged_in(login(settings, server) if ours else None) as environment:
        words = ("docker", "pull", "--quiet", *words, reference)
        local.run(*words, timeout=PUSH, env=environment)


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
