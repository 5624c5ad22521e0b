"""Writing what a project lacks to be deployed."""

from __future__ import annotations

from typing import Any

from edgepaas_tasks.console.task import say, task


@task(
    help={
        "app": "The app's name (default: the directory's).",
        "host": "Address of the host of prod (default: EC2 instances, by a tag).",
        "tag": "Value of the tag Name of prod's instances (default: <app>-prod).",
        "region": "Their AWS region (default: the environment's).",
        "user": "Login user of prod's hosts.",
        "folder": "The project.",
    }
)
def init(
    c: Any,
    app: str = "",
    host: str = "",
    tag: str = "",
    region: str = "",
    user: str = "ec2-user",
    folder: str = ".",
) -> None:
    """Write what a project lacks to be deployed."""
    import re

    from edgepaas_tasks.console import places
    from edgepaas_tasks.errors import SettingsError
    from edgepaas_tasks.scaffold.project import look
    from edgepaas_tasks.scaffold.write import Wanted, scaffold

    place = places.given(folder).resolve()
    if not place.is_dir():
        raise SettingsError(f"--folder {folder}: there is no such directory")
    name = app or re.sub(r"[^a-z0-9]+", "-", place.name.lower()).strip("-")[:31].rstrip("-")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise SettingsError(
            f"--app {name!r}: a lower-case letter, then at most 30 letters, digits and hyphens"
        )
    if host and (tag or region):
        raise SettingsError("--host and --tag or --region: an environment has one inventory")
    for option, value in (("host", host), ("region", region), ("user", user)):
        if value and not re.fullmatch(r"[A-Za-z0-9._:-]+", value):
            raise SettingsError(f"--{option} {value!r}: letters, digits and . _ : - only")
    done = scaffold(place, Wanted(name, host, tag, region, user), look(place))
    lines = [f"wrote {path}" for path in done.written]
    lines += [f"left alone, since it is there: {path}" for path in done.kept]
    lines += [f"note: {note}" for note in done.notes]
    if "requirements-deploy.txt" in done.written:
        pinned = (place / "requirements-deploy.txt").read_text().splitlines()[-1]
        lines.append(
            f"note: CI installs {pinned}: change requirements-deploy.txt if it is elsewhere"
        )
    lines.append("next: inv lab.up, then inv deploy --env lab")
    lines.append(
        "for prod, once: inv hosts.trust --env prod, inv setup --env prod; commit known_hosts"
    )
    say("\n".join(lines))
