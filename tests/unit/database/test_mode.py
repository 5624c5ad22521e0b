"""Which database is live, and what is never moved to SQLite by the way."""

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.database import mode as modes
from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.batch import Fence
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine.facts import parse as facts
from edgepaas_tasks.remote.service import databases
from edgepaas_tasks.remote.service.databases import Database
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.remote.shell import LocalTransport
from edgepaas_tasks.service.service import describe
from edgepaas_tasks.variables import certificate, environment


def state(wished="", decided=None, number=4):
    release = Release(number, "v4", "sha256:4", "shop:v4", (), database=wished)
    known = {number: decided} if decided else {}
    live = Live("blue", number)
    return State(facts(""), live, {}, (), {number: release}, databases=known)


FALLEN = Database("sqlite_only", 17, "refused")


@pytest.mark.parametrize(
    ("given", "mode", "fallback"),
    [
        (state(), "", False),
        (state("postgres_only"), "postgres_only", False),
        (state("sqlite_only"), "sqlite_only", False),
        (state("try_postgres"), "", False),
        (state("try_postgres", Database("postgres_only")), "postgres_only", False),
        (state("try_postgres", FALLEN), "sqlite_only", True),
        # Left by an earlier life of that release.
        (state("postgres_only", FALLEN), "postgres_only", False),
    ],
)
def test_what_the_live_release_is_on(given, mode, fallback):
    found = modes.live(given)
    assert (found.mode, found.fallback) == (mode, fallback)
    assert bool(found.warning) == fallback


def test_settings_move_nobody_from_postgres_to_sqlite():
    states = {"web1": state("postgres_only")}
    with pytest.raises(Refused, match="web1: the live release 4 is on Postgres"):
        modes.require(states, "sqlite_only", allow_fallback=False)
    modes.require(states, "sqlite_only", allow_fallback=True)
    modes.require(states, "try_postgres", allow_fallback=False)
    modes.require({"web1": state("sqlite_only")}, "postgres_only", allow_fallback=False)


@pytest.mark.parametrize(
    ("given", "allowed", "told"),
    [
        (state("try_postgres", Database("postgres_only")), None, "postgres_only"),
        (state("try_postgres", Database("postgres_only")), "", ""),
        (state("try_postgres", FALLEN), None, "sqlite_only"),
        # It may leave Postgres; nobody said that it is to leave the rows of the file.
        (state("try_postgres", FALLEN), "", "sqlite_only"),
        (state("try_postgres", FALLEN), "postgres_only", "postgres_only"),
        (state(), "", ""),
    ],
)
def test_what_a_release_is_told_to_be_on(given, allowed, told):
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "web1"}]}}}
    service = describe(settings.load(tree, "test"))
    host = Host(LocalTransport("web1"))
    release = Release(5, "v5", "sha256:5", "shop:v5", (), database="try_postgres")
    fence = Fence("lease", "token", 60)
    rollout = Rollout(service, [host], {"web1": given}, fence, release, "deploy", 0, allowed)
    assert rollout.database_of(host) == told


@pytest.mark.parametrize(
    ("declared", "url"),
    [
        ("", "sqlite:////data/shop.db"),
        ("postgres://u@h/d", "sqlite:////data/shop.db"),
        ("postgresql+asyncpg://u@h/d", "sqlite+aiosqlite:////data/shop.db"),
        # What lies beside the data is gone with the container.
        ("sqlite+aiosqlite:///./dev.db", "sqlite+aiosqlite:////data/shop.db"),
        ("sqlite:////data/../tmp/dev.db", "sqlite:////data/shop.db"),
        (
            "sqlite+aiosqlite:////data/mine.db?timeout=5",
            "sqlite+aiosqlite:////data/mine.db?timeout=5",
        ),
    ],
)
def test_a_file_that_outlives_releases_stays_the_one_that_was_declared(declared, url):
    environments = {"test": {"database": {"mode": "sqlite_only"}}}
    chosen = settings.load({"app": "shop", "environments": environments}, "test")
    texts = {"DATABASE_URL": declared} if declared else {}
    assert environment._database(chosen, texts)["DATABASE_URL"] == url


def test_what_a_host_tells_is_read_line_by_line():
    text = '4 {"mode": "sqlite_only", "since": 17, "reason": "refused"}\n5 {"mode"\nx {}\n'
    assert databases.parse(text) == {4: FALLEN}


def wanted(tmp_path, **database):
    tree = {"app": "shop", "environments": {"lab": {"database": database}}}
    return certificate.wanted(settings.load(tree, "lab"))


def test_a_certificate_is_named_by_its_content_and_a_wrong_file_is_refused(tmp_path):
    assert wanted(tmp_path) is None
    path = tmp_path / "root.pem"
    with pytest.raises(SettingsError, match=r"root_certificate: .*root\.pem cannot be read"):
        wanted(tmp_path, root_certificate=str(path))
    path.write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(SettingsError, match="is no PEM certificate"):
        wanted(tmp_path, root_certificate=str(path))
    path.write_text("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n")
    first = wanted(tmp_path, root_certificate=str(path))
    assert first.file.endswith(".crt")
    path.write_text(path.read_text() + "\n")
    assert wanted(tmp_path, root_certificate=str(path)).file != first.file
