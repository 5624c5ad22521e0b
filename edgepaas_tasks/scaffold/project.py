"""What a project is, as far as its files tell: the app, how it is installed and asked for its health, its variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgepaas_tasks.env.database import NONE, POSTGRES, SQLITE, mode_of

FRAMEWORKS = "FastAPI|Starlette|Litestar|Quart"
_APP = re.compile(rf"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(?:{FRAMEWORKS})\(", re.M)
_FACTORY = re.compile(
    rf"^def (\w+)\([^)]*\)[^:\n]*:(?:\n(?: .*)?)*?\n? .*\b(?:{FRAMEWORKS})\(", re.M
)
_HEALTH = re.compile(
    r"""["'](/(?:[\w-]+/)*(?:health|healthz|ready|readyz|live|livez|ping|up)(?:/[\w-]+)?/?)["']"""
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|KEY|DSN|CREDENTIAL|(?:DATABASE|REDIS|BROKER).*_?URL"
)
# Ours, or of no use to the app in its container.
_NOT_THEIRS = re.compile(r"EDGEPAAS_|INVOKE_|AWS_|FINAL_DB_MODE$|PORT$|HOST$")
_SKIPPED = {"node_modules", "tests", "test", "migrations", "alembic", "docs", "build", "dist"}
DEEPEST = 4  # directories down


@dataclass(frozen=True)
class Variable:
    """One that .env.example names. `default` is what stands there, for those that are not secret."""

    name: str
    secret: bool
    default: str = ""


@dataclass(frozen=True)
class Project:
    """`target` is what an ASGI server is told to run, empty when no app was found; `source` is its directory.

    `mode` is the `database.mode` that its DATABASE_URL, its migrations or its drivers ask for.
    `install` is requirements.txt or pyproject.toml, empty for neither; `serves` tells whether that brings uvicorn.
    """

    target: str = ""
    factory: bool = False
    source: str = ""
    install: str = ""
    serves: bool = False
    dockerfile: bool = False
    base_argument: bool = False
    port: int = 8000
    health: str = ""
    alembic: bool = False
    mode: str = SQLITE
    variables: tuple[Variable, ...] = ()
    environments: tuple[str, ...] = ()
    empty: bool = False


def look(folder: Path) -> Project:
    """Reads, and changes nothing."""
    environments = tuple(
        sorted(found.parent.name for found in folder.glob("*/pyvenv.cfg") if found.is_file())
    )
    sources = {path: _text(path) for path in _sources(folder, environments)}
    target, factory, source = _app(folder, sources)
    dockerfile = _text(folder / "Dockerfile")
    install = next(
        (
            name
            for name in ("requirements.txt", "pyproject.toml")
            if (folder / name).is_file()
            and (name != "pyproject.toml" or "[project]" in _text(folder / name))
        ),
        "",
    )
    exposed = re.search(r"^EXPOSE\s+(\d+)", dockerfile, re.M | re.I)
    needs = _text(folder / install) if install else ""
    return Project(
        target=target,
        factory=factory,
        source=source,
        install=install,
        serves=bool(re.search(r"uvicorn|fastapi\[(standard|all)\]", needs)),
        dockerfile=(folder / "Dockerfile").is_file(),
        base_argument=bool(re.search(r"^ARG\s+BASE_IMAGE\b", dockerfile, re.M)),
        port=int(exposed[1]) if exposed else 8000,
        health=_health(sources),
        alembic=(folder / "alembic.ini").is_file(),
        mode=_mode(folder, needs),
        variables=tuple(_variables(folder)),
        environments=environments,
        empty=not sources and not dockerfile and not install,
    )


def _sources(folder: Path, environments: tuple[str, ...]) -> Iterator[Path]:
    """The app's own Python files, those nearest to the top first."""
    found = []
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in _SKIPPED for part in parts[:-1])
        if hidden or len(parts) > DEEPEST or parts[0] in environments or path.name == "tasks.py":
            continue
        found.append(path)
    favoured = {"main.py": 0, "app.py": 1, "asgi.py": 2}
    yield from sorted(
        found, key=lambda path: (favoured.get(path.name, 3), len(path.parts), str(path))
    )


def _app(folder: Path, sources: dict[Path, str]) -> tuple[str, bool, str]:
    for pattern, factory in ((_APP, False), (_FACTORY, True)):
        for path, text in sources.items():
            match = pattern.search(text)
            if match:
                parts = list(path.relative_to(folder).with_suffix("").parts)
                source = parts.pop(0) if len(parts) > 1 and parts[0] == "src" else ""
                if parts[-1] == "__init__":
                    parts.pop()
                return f"{'.'.join(parts)}:{match[1]}", factory, source
    return "", False, ""


def _health(sources: dict[Path, str]) -> str:
    """The path that says most about whether the app can serve."""
    found = [path for text in sources.values() for path in _HEALTH.findall(text)]
    return min(found, key=lambda path: ("ready" not in path, "health" not in path), default="")


def _mode(folder: Path, needs: str) -> str:
    """By the URL of .env.example or .env, else by Alembic's settings, else by the drivers that are installed."""
    for name in (".env.example", ".env"):
        for given, value in _assignments(folder / name):
            if given == "DATABASE_URL" and value:
                return mode_of(value)
    if (folder / "alembic.ini").is_file() or re.search(r"\b(psycopg|asyncpg|pg8000)", needs, re.I):
        return POSTGRES
    other = r"\b(pymysql|mysqlclient|aiomysql|asyncmy|mysql-connector|pymongo|motor|oracledb)"
    return NONE if re.search(other, needs, re.I) else SQLITE


def _variables(folder: Path) -> Iterator[Variable]:
    seen = set()
    for name, plain in _assignments(folder / ".env.example"):
        if name in seen or _NOT_THEIRS.match(name):
            continue
        seen.add(name)
        secret = bool(_SECRET.search(name.upper()))
        yield Variable(name, secret, "" if secret else plain)


def _assignments(path: Path) -> Iterator[tuple[str, str]]:
    for line in _text(path).splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and _NAME.fullmatch(name.strip()):
            yield name.strip(), value.strip().strip("\"'")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
