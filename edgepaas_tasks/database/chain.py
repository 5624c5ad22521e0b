"""The project's own migration scripts, read on the deploying machine before anything is built.

Nothing of the project is executed or imported. Alembic's ScriptDirectory says where the scripts are, and Alembic's
RevisionMap how they hang together, but the scripts themselves are parsed, not loaded. Loading one runs its top level:
it may import the app, which need not be installed on this machine, or connect to something. What a script only computes
when it runs is therefore not known here, and neither is a chain with such a script.
"""

from __future__ import annotations

import os
import posixpath
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from configparser import Error
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgepaas_tasks.database.scripts import Mistake, Script, Unknown, Wrong
from edgepaas_tasks.database.scripts import read as read_script

if TYPE_CHECKING:
    from alembic.script.revision import Revision

_SCRIPT = re.compile(r"(?!\.#|__init__).*\.py")  # the names of files that Alembic loads


@dataclass(frozen=True)
class Chain:
    """What the scripts say. `losses` are those of all scripts, the newest first, whether applied or not.

    `unknown` says why the chain is not known; it is empty where the chain is known. One that is not known has no heads
    and no losses, but it may have mistakes.
    """

    mistakes: tuple[Mistake, ...] = ()
    heads: tuple[str, ...] = ()
    count: int = 0
    losses: tuple[str, ...] = ()
    unknown: str = ""


def read(folder: Path, configuration: str, sends: Callable[[str], bool]) -> Chain | None:
    """The chain of a build context; None where its image gets no such Alembic configuration.

    `configuration` is the path of alembic.ini in the image, from its working directory, which the context is taken for.
    `sends` tells whether a path of the context goes into the build. Never raises for what is in the files, and leaves
    sys.path and sys.modules as they were, but for Alembic itself.
    """
    name = posixpath.normpath(configuration)
    if name.startswith(("/", "../")) or not (folder / name).is_file() or not sends(name):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Alembic's settings, and of the scripts' escapes
        try:
            place, files = _files(folder.resolve(), name, sends)
        except Unknown as error:
            return Chain(unknown=str(error))
        return _chain(place, files)


def _files(
    root: Path, configuration: str, sends: Callable[[str], bool]
) -> tuple[str, list[tuple[str, Path]]]:
    """The script directory, and the scripts in it by their names, as Alembic finds them. Raises Unknown."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(str(root / configuration))
    try:
        location = config.file_config.get("alembic", "script_location", fallback=None)
    except (Error, ValueError, OSError) as error:
        said = " ".join(str(error).split())
        raise Unknown(f"{configuration} cannot be read: {said}") from None
    if not location:
        raise Unknown(f"{configuration} sets no script_location")
    place = _folder(root, location)
    # A place in a package would be found by importing it, and this option would be put on sys.path.
    config.set_main_option("script_location", str(place).replace("%", "%%"))
    config.remove_main_option("prepend_sys_path")
    try:
        scripts = ScriptDirectory.from_config(config)
    except Exception as error:
        said = " ".join(str(error).split())
        raise Unknown(f"{configuration} cannot be used by Alembic: {said}") from None
    if scripts.sourceless:
        raise Unknown(f"{configuration} sets sourceless: compiled scripts cannot be read")
    places = [_folder(root, one) for one in scripts.version_locations]
    places = places or [_folder(root, str(place.relative_to(root) / "versions"))]
    found: dict[Path, str] = {}
    for one in places:
        for path in _listed(one, below=scripts.recursive_version_locations):
            listed, real = path.relative_to(root).as_posix(), _resolved(root, path)
            if not _SCRIPT.fullmatch(real.name) or not sends(listed):
                continue
            if not real.is_relative_to(root):
                raise Unknown(f"{listed} is a link that leads out of the build context")
            name = real.relative_to(root).as_posix()
            if sends(name):
                found.setdefault(real, name)
    return place.relative_to(root).as_posix(), [(name, path) for path, name in found.items()]


def _folder(root: Path, location: str) -> Path:
    """A directory of the context, as Alembic finds it from the image's working directory. Raises Unknown."""
    path = location
    if ":" in location and not os.path.isabs(location):
        package, *parts = location.split(":")
        path = "/".join([package.replace(".", "/"), *parts])
    place = _resolved(root, root / path)
    if not place.is_dir() or not place.is_relative_to(root):
        raise Unknown(f"{location} is not in the build context")
    return place


def _resolved(root: Path, path: Path) -> Path:
    """Where a link leads. Raises Unknown for one that leads to itself: pathlib says so until Python 3.12."""
    try:
        return path.resolve()
    except (RuntimeError, OSError):
        raise Unknown(f"{path.relative_to(root)} is a link that leads to itself") from None


def _listed(folder: Path, *, below: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "__pycache__") if below else []
        yield from (Path(place, name) for name in sorted(names))


def _chain(place: str, files: Sequence[tuple[str, Path]]) -> Chain:
    scripts, mistakes, unknown = [], [], ""
    for name, path in files:
        try:
            scripts.append(read_script(name, path))
        except Wrong as error:
            mistakes.append(error.mistake)
        except Unknown as error:
            unknown = unknown or str(error)
    mistakes += _twice(scripts)
    if mistakes or unknown:  # what is missing may be in one of those
        return Chain(tuple(mistakes), unknown=unknown)
    if missing := tuple(_missing(scripts)):
        return Chain(missing)
    return _ordered(place, scripts)


def _ordered(place: str, scripts: Sequence[Script]) -> Chain:
    """The chain as Alembic sees it, where every script names others that are there."""
    from alembic.script.revision import RevisionError, RevisionMap

    try:
        revisions = [_revision(one) for one in scripts]
        chain = RevisionMap(lambda: revisions)
        heads = tuple(sorted(chain.heads))
        order = [one.revision for one in chain.iterate_revisions("heads", "base", inclusive=True)]
    except Wrong as error:
        return Chain((error.mistake,))
    except Unknown as error:
        return Chain(unknown=str(error))
    except RevisionError as error:
        step = "correct revision, down_revision, depends_on or branch_labels of these scripts"
        return Chain((Mistake(f"{place}: {error}", step),))
    by_revision = {one.revision: one for one in scripts}
    losses = [f"{one} {loss}" for one in order for loss in by_revision[one].losses]
    mistakes = []
    if len(heads) > 1:
        where = ", ".join(by_revision[one].path.name for one in heads)
        found = f"{place}: several newest revisions: {', '.join(heads)} ({where})"
        mistakes.append(Mistake(found, "alembic merge heads, then deploy again"))
    return Chain(tuple(mistakes), heads, len(scripts), tuple(losses))


def _revision(script: Script) -> Revision:
    """Raises Wrong for one that comes after itself, Unknown for what only some versions of Alembic refuse."""
    from alembic.script.revision import CycleDetected, Revision, RevisionError

    try:
        return Revision(script.revision, script.after, script.needs, script.labels)
    except CycleDetected as error:
        step = "correct its down_revision or depends_on"
        raise Wrong(f"{script.name}: {error}", step) from None
    except RevisionError as error:
        raise Unknown(f"{script.name}: {error}") from None


def _twice(scripts: Sequence[Script]) -> Iterator[Mistake]:
    named: dict[str, list[str]] = {}
    for one in scripts:
        named.setdefault(one.revision, []).append(one.path.name)
    for revision, files in named.items():
        if len(files) > 1:
            yield Mistake(
                f"revision {revision} is in several scripts: {', '.join(files)}",
                "remove the copy; or give it a revision of its own, as alembic revision makes one",
            )


def _missing(scripts: Sequence[Script]) -> Iterator[Mistake]:
    """Revisions that a script names and that no script has; only depends_on may name a branch label."""
    revisions = {one.revision for one in scripts}
    labels = {label for one in scripts for label in one.labels}
    for one in scripts:
        for verb, option, names, known in (
            ("comes after", "down_revision", one.after, revisions),
            ("depends on", "depends_on", one.needs, revisions | labels),
        ):
            for name in (name for name in names if name not in known):
                found = f"revision {one.revision} {verb} {name}, and no script of the build context has revision {name}"
                step = (
                    f"bring the script of {name} back (.dockerignore may exclude it), or correct the {option} of "
                    f"{one.path.name}; then deploy again"
                )
                yield Mistake(f"{one.name}: {found}", step)
