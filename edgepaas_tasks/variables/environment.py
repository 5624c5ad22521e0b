"""The app's variables: the sources this machine has, resolved against what the settings declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from edgepaas_tasks.console.task import conceal
from edgepaas_tasks.env import database
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.env.values.errors import Problem
from edgepaas_tasks.env.values.layers import Resolution, resolve
from edgepaas_tasks.env.values.schema import Schema, SchemaError, schema_from
from edgepaas_tasks.env.values.secret import Secret
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service import releases
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.settings import Settings
from edgepaas_tasks.variables import certificate as certificates
from edgepaas_tasks.variables import runtime as runtimes
from edgepaas_tasks.variables import sources

# Beside EDGEPAAS_*: what we set, and what no secret is in.
OWN = ("FINAL_DB_MODE", "RUN_MIGRATIONS", "PGSSLROOTCERT")
ROOT_CERTIFICATE = "/opt/edgepaas/root.crt"  # in the container


@dataclass(frozen=True)
class Environment:
    """What the app will find in os.environ: the whole as a file's text, the names, and a fingerprint of the values.

    `mounted` are files of its container by their names on the hosts: what runs first in it (`runtime`), and the
    database's root certificate.
    """

    text: Secret
    names: tuple[str, ...]
    fingerprint: str
    runtime: str = ""
    certificate: str = ""
    mounted: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def schema(settings: Settings) -> Schema:
    """The declared variables. Raises SettingsError with every problem."""
    try:
        return schema_from(sources.declared_in(settings.variables))
    except SchemaError as error:
        raise SettingsError(
            "\n".join(f"edgepaas.variables.{problem}" for problem in error.problems)
        ) from None


def gather(settings: Settings, given: Sequence[str]) -> Resolution:
    """What `collect` finds. Raises SettingsError with all problems of all variables."""
    resolution = collect(settings, given)
    require(settings, resolution)
    return resolution


def require(settings: Settings, resolution: Resolution) -> None:
    """Raises SettingsError with all problems of all variables, and where values are taken from."""
    if not resolution.problems:
        return
    env = settings.environment
    raise SettingsError(
        "\n".join(str(problem) for problem in resolution.problems),
        next_step=f"give the values in .env.{env} or .env, in the process environment, or by --set NAME=VALUE "
        f"(a secret by --set NAME=@FILE); inv env.show --env {env} tells where each is from",
    )


def collect(settings: Settings, given: Sequence[str]) -> Resolution:
    """Every declared variable with its value and origin, and what is wrong with them; later sources win.

    The order is that of `sources`. Raises SettingsError for a malformed --set, AwsError when SSM does not answer.
    """
    declared = schema(settings)
    layers, unreadable = sources.layers(settings, declared, given)
    resolution = resolve(
        declared,
        layers,
        environment=settings.environment,
        database_mode=settings.database.mode,
        strict=settings.strict_variables,
    )
    # A file that cannot be read is the reason, not that its variable is missing.
    names = {problem.name for problem in unreadable}
    others = [problem for problem in resolution.problems if problem.name not in names]
    for value in resolution.values.values():
        if value.secret:
            conceal(value.text)
    problems = (*unreadable, *others)
    more = (*_direct(settings, resolution, problems), *_contradiction(settings, resolution))
    return replace(resolution, problems=(*problems, *more))


def _direct(settings: Settings, resolution: Resolution, known: Sequence[Problem]) -> list[Problem]:
    """Report an empty `migration_url` variable: libpq would fall back to a local socket."""
    name, mode = settings.database.migration_url, settings.database.mode
    texts = {name: value.text for name, value in resolution.values.items()}
    needless = mode in (database.SQLITE, database.NONE) or (
        mode == database.TRYING and not texts.get("DATABASE_URL")
    )
    if not name or texts.get(name) or needless or name in {problem.name for problem in known}:
        return []
    lacks = "has no value" if schema(settings).get(name) else "is not declared"
    return [
        Problem(name, "edgepaas.database.migration_url", f"{lacks}, and migrations take its URL")
    ]


def _contradiction(settings: Settings, resolution: Resolution) -> list[Problem]:
    """A URL that the mode would not use, or could not."""
    given = resolution.values.get("DATABASE_URL")
    found = database.contradiction(settings.database.mode, given.text) if given else ""
    if not given or not found:
        return []
    fits = database.mode_of(given.text)
    where = settings.environment
    step = f"set database.mode: {fits}; or give {where} another DATABASE_URL or an empty one, in .env.{where}"
    return [Problem(given.name, given.origin, f"{found}: {step}")]


def inexact(resolution: Resolution) -> list[str]:
    """The variables whose value python-dotenv reads differently from the canonical file, unlike sh and systemd."""
    return [name for name, one in resolution.values.items() if canonical.dotenv_inexact(one.text)]


def handed_on(settings: Settings, resolution: Resolution) -> dict[str, str]:
    """Every variable as the app gets it, with those that say which database to use."""
    texts = {name: value.text for name, value in resolution.values.items()}
    return texts | _database(settings, texts)


def compose(settings: Settings, resolution: Resolution, release: int, version: str) -> Environment:
    """The app's variables and what the release says of itself, as the canonical file."""
    texts = handed_on(settings, resolution) | {
        "EDGEPAAS_ENVIRONMENT": settings.environment,
        "EDGEPAAS_RELEASE": str(release),
        "EDGEPAAS_VERSION": version,
    }
    # The release number says nothing about the values: two releases with equal values have equal fingerprints.
    lasting = {name: text for name, text in texts.items() if name != "EDGEPAAS_RELEASE"}
    return Environment(
        Secret(canonical.render(texts, schema(settings))),
        tuple(sorted(texts)),
        canonical.fingerprint(lasting),
        *_mounted(settings),
    )


def _mounted(settings: Settings) -> tuple[str, str, dict[str, bytes]]:
    files = {}
    first = runtimes.build() if settings.container.runtime == "edgepaas" else None
    if first is not None:
        files[first.file] = first.content
    root = certificates.wanted(settings)
    if root is not None:
        files[root.file] = root.content
    return first.file if first else "", root.file if root else "", files


def _database(settings: Settings, texts: Mapping[str, str]) -> dict[str, str]:
    """What the app and its runtime are told of the database; TLS is enforced here, once for all that use a URL."""
    wanted = settings.database
    file = f"{settings.container.data}/{settings.app}.db"
    if wanted.mode == database.NONE:
        return {"FINAL_DB_MODE": wanted.mode}
    if wanted.mode == database.SQLITE:
        return {"FINAL_DB_MODE": wanted.mode, "DATABASE_URL": _file(settings, file, texts)}
    found = {
        "FINAL_DB_MODE": wanted.mode,
        # A deploy migrates before it starts anything; only a database that was not there then is left to the start.
        "RUN_MIGRATIONS": "true" if wanted.mode == database.TRYING else "false",
        "EDGEPAAS_DATABASE_WAIT": f"{wanted.wait:g}",
        "EDGEPAAS_ALEMBIC": wanted.alembic,
    }
    if wanted.mode == database.TRYING:
        found["EDGEPAAS_SQLITE"] = file
    if wanted.migration_url:
        found["EDGEPAAS_MIGRATION_URL"] = wanted.migration_url
    if wanted.version_table != "alembic_version":
        found["EDGEPAAS_VERSION_TABLE"] = wanted.version_table
    if wanted.version_table_schema:
        found["EDGEPAAS_VERSION_TABLE_SCHEMA"] = wanted.version_table_schema
    if wanted.root_certificate:
        # libpq and asyncpg read it; a certificate named in a URL comes first.
        found["PGSSLROOTCERT"] = ROOT_CERTIFICATE
    least = "verify-full" if wanted.root_certificate else "require"
    for name in ("DATABASE_URL", wanted.migration_url):
        if url := texts.get(name):
            found[name] = database.enforce_ssl(database.normalise(url), least)
            conceal(found[name])
    return found


def _file(settings: Settings, file: str, texts: Mapping[str, str]) -> str:
    """The declared URL where its file is one that outlives releases; else ours, for the same kind of driver."""
    declared = database.normalise(texts.get("DATABASE_URL", ""))
    path = PurePosixPath(database.sqlite_path(declared))
    if ".." not in path.parts and PurePosixPath(settings.container.data) in path.parents:
        return declared
    return database.sqlite_url(file, like=declared)


def kept(host: Host, service: Service, release: Release) -> Environment:
    """The environment that a release has on a host. Raises CommandFailed when it is gone."""
    text = host.ask(releases.environment(service.layout, release.number))
    learn(service.settings, text)
    return Environment(
        Secret(text),
        release.variables,
        release.environment,
        release.runtime,
        release.certificate,
    )


def learn(settings: Settings, text: str) -> None:
    """Teach the redactor the secrets of a release's canonical file, which may not be those of this machine's sources.

    What is not declared (any more) counts as a secret; what we wrote ourselves does not.
    """
    declared = schema(settings)
    try:
        values = canonical.parse(text)
    except ValueError:
        # Somebody edited it: what stands there is secret, whatever it is.
        values = {line: line.partition("=")[2].strip("'\"") for line in text.splitlines()}
    for name, value in values.items():
        variable = declared.get(name)
        ours = name.startswith("EDGEPAAS_") or name in OWN
        plain = name == "DATABASE_URL" and "@" not in value
        if not ours and not plain and (variable is None or variable.secret):
            conceal(value)
