"""Files rendered from templates, written where nothing is yet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.scaffold.project import Project

PACKAGE = "edgepaas-tasks"

# Each file and its template; those of an app only where there is none.
FILES = {
    "tasks.py": "tasks.py.txt",
    "invoke.yaml": "invoke.yaml",
    "Makefile": "Makefile",
    ".gitignore": "gitignore",
    ".dockerignore": "dockerignore",
    ".env.example": "env.example",
    "requirements-deploy.txt": "requirements-deploy.txt",
    ".github/workflows/deploy.yml": "deploy.yml",
}
APP = {"app/__init__.py": "", "app/main.py": "main.py.txt", "requirements.txt": "requirements.txt"}


@dataclass(frozen=True)
class Wanted:
    """What the operator said, or what stands in for it."""

    app: str
    host: str = ""
    tag: str = ""
    region: str = ""
    user: str = "ec2-user"


@dataclass
class Scaffolded:
    """What was written, what was there and left alone, and what only a person can add."""

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scaffold(folder: Path, wanted: Wanted, project: Project) -> Scaffolded:
    """Writes what is missing, never over a file. Raises Refused, before it writes, where something is in the way."""
    files = dict(FILES)
    if project.empty:
        files |= APP
        project = Project(
            **{
                **vars(project),
                "target": "app.main:app",
                "install": "requirements.txt",
                "serves": True,
                "health": "/health/ready",
            }
        )
    if project.target and project.install:
        files["Dockerfile"] = "Dockerfile"
    base = project.base_argument or not project.dockerfile
    values: dict[str, Any] = {
        "wanted": wanted,
        "project": project,
        "base_argument": base,
        "package": installed(),
        "health": project.health or "/openapi.json",
    }
    kept = [name for name in files if os.path.lexists(folder / name)]
    texts = {
        name: render(template, values) if template else ""
        for name, template in files.items()
        if name not in kept
    }
    for name in texts:
        if problem := _obstacle(folder, name):
            raise Refused(f"{folder / name}: {problem}; nothing was written")
    done = Scaffolded(kept=kept, notes=list(_notes(folder, project, kept)))
    for name, text in texts.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}") from None
        done.written.append(name)
    return done


def render(template: str, values: dict[str, Any]) -> str:
    """A template with its own brackets, since GitHub's workflows have {{ }} as well."""
    import jinja2

    environment = jinja2.Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters["yaml"] = json.dumps  # every JSON document is a YAML document
    source = resources.files("edgepaas_tasks.scaffold").joinpath("templates", template)
    return environment.from_string(source.read_text("utf-8")).render(values)


def installed() -> str:
    """What CI has to install to have what runs here, as pip takes it (PEP 610 tells where it came from)."""
    try:
        found = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        return PACKAGE
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    vcs = origin.get("vcs_info")
    if vcs:
        return f"{PACKAGE} @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
    return f"{PACKAGE}=={found.version}"


def _obstacle(folder: Path, name: str) -> str:
    """What stands where a file's directories have to be, empty when nothing does."""
    place = folder
    for part in Path(name).parent.parts:
        if not os.path.lexists(place / part):
            break
        place /= part
        if not place.is_dir():
            return f"{place.relative_to(folder)} is no directory"
    return "" if os.access(place, os.W_OK) else f"{place} is not writable"


def _notes(folder: Path, project: Project, kept: Sequence[str]) -> Iterator[str]:
    ignored = {".gitignore": (".env", ".env.*", ".lab/"), ".dockerignore": (".env", ".git", ".lab")}
    for name, wanted in ignored.items():
        if name in kept:
            try:
                # Whatever the encoding, the rules that we look for are ASCII.
                text = (folder / name).read_text("utf-8", "replace")
            except OSError as error:
                yield f"{name} is there and cannot be read ({error.strerror}): fix it, and add {', '.join(wanted)}"
                continue
            lines = {line.strip().strip("/") for line in text.splitlines()}
            missing = [one for one in wanted if one.strip("/") not in lines and "**" not in lines]
            if missing:
                yield f"{name} was there and lacks {', '.join(missing)}: add what your rules do not cover"
    if not project.dockerfile and not (project.target and project.install):
        what = (
            "app that uvicorn could run" if not project.target else "requirements.txt or pyproject"
        )
        yield f"no {what} was found, so no Dockerfile was written: add one"
    if project.target and not project.health:
        yield "no health route was found: /openapi.json stands in; add one and set health.path"
