"""The project's own migration scripts, read on the deploying machine before anything is built.

Nothing of the project is executed or imported. Alembic's ScriptDirectory says where the scripts are, and Alembic's
RevisionMap how they hang together, but the scripts themselves are parsed, not loaded. Loading one runs its top level:
it may import the app, which need not be installed on this machine, or connect to something. What a script only computes
when it runs is therefore not known here, and neither is a chain with such a script.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from configparser import Error
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepaas_tasks.env.migrations.losses import destructive

if TYPE_CHECKING:
    from alembic.script.revision import Revision

_SCRIPT = re.compile(r"(?!\.#|__init__).*\.py")  # the names of files that Alembic loads
_LEGACY = re.compile(r"([a-f0-9]+)\.py$")  # a name that is the revision, where the script sets none
_NAMES = ("revision", "down_revision", "depends_on", "branch_labels")
_REACHING = ("exec", "globals", "locals", "vars")  # by these a script can set any name
_COMPUTED = object()  # the value of a name that is not written down


@dataclass(frozen=True)
class Mistake:
    """What is certainly wrong: every image with these scripts would be refused."""

    found: str
    next_step: str


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


class _Unknown(Exception):
    """What cannot be told on this machine."""


class _Wrong(Exception):
    """What is certainly wrong with a script."""

    def __init__(self, found: str, next_step: str) -> None:
        super().__init__(found)
        self.mistake = Mistake(found, next_step)


@dataclass(frozen=True)
class _Script:
    """`name` is its path in the build context; `after` and `needs` are the revisions that it names."""

    path: Path
    name: str
    revision: str
    after: tuple[str, ...]
    needs: tuple[str, ...]
    labels: tuple[str, ...]


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
        except _Unknown as error:
            return Chain(unknown=str(error))
        return _chain(place, files)


def _files(
    root: Path, configuration: str, sends: Callable[[str], bool]
) -> tuple[str, list[tuple[str, Path]]]:
    """The script directory, and the scripts in it by their names, as Alembic finds them. Raises _Unknown."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(str(root / configuration))
    try:
        location = config.file_config.get("alembic", "script_location", fallback=None)
    except (Error, ValueError, OSError) as error:
        said = " ".join(str(error).split())
        raise _Unknown(f"{configuration} cannot be read: {said}") from None
    if not location:
        raise _Unknown(f"{configuration} sets no script_location")
    place = _folder(root, location)
    # A place in a package would be found by importing it, and this option would be put on sys.path.
    config.set_main_option("script_location", str(place).replace("%", "%%"))
    config.remove_main_option("prepend_sys_path")
    try:
        scripts = ScriptDirectory.from_config(config)
    except Exception as error:
        said = " ".join(str(error).split())
        raise _Unknown(f"{configuration} cannot be used by Alembic: {said}") from None
    if scripts.sourceless:
        raise _Unknown(f"{configuration} sets sourceless: compiled scripts cannot be read")
    places = [_folder(root, one) for one in scripts.version_locations]
    places = places or [_folder(root, str(place.relative_to(root) / "versions"))]
    found: dict[Path, str] = {}
    for one in places:
        for path in _listed(one, below=scripts.recursive_version_locations):
            listed, real = path.relative_to(root).as_posix(), path.resolve()
            if not _SCRIPT.fullmatch(real.name) or not sends(listed):
                continue
            if not real.is_relative_to(root):
                raise _Unknown(f"{listed} is a link that leads out of the build context")
            name = real.relative_to(root).as_posix()
            if sends(name):
                found.setdefault(real, name)
    return place.relative_to(root).as_posix(), [(name, path) for path, name in found.items()]


def _folder(root: Path, location: str) -> Path:
    """A directory of the context, as Alembic finds it from the image's working directory. Raises _Unknown."""
    path = location
    if ":" in location and not os.path.isabs(location):
        package, *parts = location.split(":")
        path = "/".join([package.replace(".", "/"), *parts])
    place = (root / path).resolve()
    if not place.is_dir() or not place.is_relative_to(root):
        raise _Unknown(f"{location} is not in the build context")
    return place


def _listed(folder: Path, *, below: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "__pycache__") if below else []
        yield from (Path(place, name) for name in sorted(names))


def _chain(place: str, files: Sequence[tuple[str, Path]]) -> Chain:
    scripts, mistakes, unknown = [], [], ""
    for name, path in files:
        try:
            scripts.append(_script(name, path))
        except _Wrong as error:
            mistakes.append(error.mistake)
        except _Unknown as error:
            unknown = unknown or str(error)
    mistakes += _twice(scripts)
    if mistakes or unknown:  # what is missing may be in one of those
        return Chain(tuple(mistakes), unknown=unknown)
    if missing := tuple(_missing(scripts)):
        return Chain(missing)
    return _ordered(place, scripts)


def _ordered(place: str, scripts: Sequence[_Script]) -> Chain:
    """The chain as Alembic sees it, where every script names others that are there."""
    from alembic.script.revision import RevisionError, RevisionMap

    try:
        revisions = [_revision(one) for one in scripts]
        chain = RevisionMap(lambda: revisions)
        heads = tuple(sorted(chain.heads))
        order = [one.revision for one in chain.iterate_revisions("heads", "base", inclusive=True)]
    except _Wrong as error:
        return Chain((error.mistake,))
    except _Unknown as error:
        return Chain(unknown=str(error))
    except RevisionError as error:
        step = "correct revision, down_revision, depends_on or branch_labels of these scripts"
        return Chain((Mistake(f"{place}: {error}", step),))
    by_revision = {one.revision: one for one in scripts}
    losses = [
        f"{revision} {loss}"
        for revision in order
        for loss in destructive(str(by_revision[revision].path))
    ]
    mistakes = []
    if len(heads) > 1:
        where = ", ".join(by_revision[one].path.name for one in heads)
        found = f"{place}: several newest revisions: {', '.join(heads)} ({where})"
        mistakes.append(Mistake(found, "alembic merge heads, then deploy again"))
    return Chain(tuple(mistakes), heads, len(scripts), tuple(losses))


def _revision(script: _Script) -> Revision:
    """Raises _Wrong for one that comes after itself, _Unknown for what only some versions of Alembic refuse."""
    from alembic.script.revision import CycleDetected, Revision, RevisionError

    try:
        return Revision(script.revision, script.after, script.needs, script.labels)
    except CycleDetected as error:
        step = "correct its down_revision or depends_on"
        raise _Wrong(f"{script.name}: {error}", step) from None
    except RevisionError as error:
        raise _Unknown(f"{script.name}: {error}") from None


def _twice(scripts: Sequence[_Script]) -> Iterator[Mistake]:
    named: dict[str, list[str]] = {}
    for one in scripts:
        named.setdefault(one.revision, []).append(one.path.name)
    for revision, files in named.items():
        if len(files) > 1:
            yield Mistake(
                f"revision {revision} is in several scripts: {', '.join(files)}",
                "remove the copy; or give it a revision of its own, as alembic revision makes one",
            )


def _missing(scripts: Sequence[_Script]) -> Iterator[Mistake]:
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


def _script(name: str, path: Path) -> _Script:
    """Raises _Wrong where Alembic could not load it either, _Unknown where only running it would tell."""
    try:
        module = ast.parse(path.read_bytes())
    except OSError as error:
        raise _Unknown(f"{name} cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        at, said = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (0, str(error))
        line = f"line {at}: " if at else ""
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise _Wrong(
            f"{name} cannot be read: {line}{said}",
            f"correct the script (Python {version} has read it here: for newer syntax, deploy with a newer one)",
        ) from None
    values = _values(module)
    for option in _NAMES:
        if values.get(option) is _COMPUTED:
            raise _Unknown(f"{name} computes its {option}")
    legacy = _LEGACY.match(path.name)
    if "revision" not in values and not legacy:
        step = "set its revision; or move it out of the scripts' folder, where it is none"
        raise _Wrong(f"{name} sets no revision", step)
    if "down_revision" not in values:
        step = "set down_revision to the revision before it; down_revision = None for the first"
        raise _Wrong(f"{name} sets no down_revision", step)
    revision = values.get("revision", legacy and legacy[1])
    if not isinstance(revision, str):
        raise _no_text(name, "revision", revision)
    after, needs, labels = (_texts(name, option, values.get(option)) for option in _NAMES[1:])
    return _Script(path, name, revision, after, needs, labels)


def _texts(name: str, option: str, value: Any) -> tuple[str, ...]:
    several = isinstance(value, (list, tuple, set))
    texts = tuple(value) if several else () if value is None else (value,)
    for one in texts:
        if not isinstance(one, str):
            raise _no_text(name, option, one)
    return texts


def _no_text(name: str, option: str, value: Any) -> _Wrong:
    return _Wrong(f"{name}: {option} is {value!r}, not a text", "put quotes around it")


def _values(module: ast.Module) -> dict[str, Any]:
    """What the names of a module are set to, _COMPUTED where that is not written down."""
    values: dict[str, Any] = {}
    for node in module.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            if node.value is None:
                continue  # declares a name, and sets it to nothing
            targets = [node.target]
        for name in _bound(node):
            values[name] = _COMPUTED
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                values[target.id] = _literal(value, values)
    return values


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement may set, but for those inside of functions and classes."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, ast.Name):
        if node.id in _REACHING:
            yield from _NAMES
        elif not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.alias):
        yield from _NAMES if node.name == "*" else [node.asname or node.name.partition(".")[0]]
    for one in ast.iter_child_nodes(node):
        yield from _bound(one)


def _literal(node: ast.expr, values: dict[str, Any]) -> Any:
    """The value of an expression that is written down, by names of the module too."""
    if isinstance(node, ast.Name):
        return values.get(node.id, _COMPUTED)
    if isinstance(node, (ast.Tuple, ast.List)):
        each = [_literal(one, values) for one in node.elts]
        return _COMPUTED if any(one is _COMPUTED for one in each) else tuple(each)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return _COMPUTED
