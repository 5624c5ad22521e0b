"""A deploy reads the project's migration scripts before it builds anything and before it touches a host."""

from dataclasses import replace

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import build
from edgepaas_tasks.release import deploy as deploys
from edgepaas_tasks.release import dry_run
from edgepaas_tasks.release.request import Request
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.service.service import describe
from tests.tasks.conftest import Answering

SCRIPT = "revision = {!r}\ndown_revision = {!r}\n\n\ndef upgrade():\n    {}\n"


class Built(Exception):
    """Raised in place of `docker build`: so far a deploy has come."""


class Touched(Answering):
    """A host that keeps whether a connection to it was begun."""

    def __init__(self, name):
        super().__init__(name)
        self.begun = False

    def begin(self):
        self.begun = True


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A build context with a chain of one script; writes more of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(image, "require_engine", lambda: None)
    monkeypatch.setattr(image, "look", lambda reference: None)

    def built(*words, **more):
        raise Built

    monkeypatch.setattr(build.local, "stream", built)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    (tmp_path / "migrations" / "versions").mkdir(parents=True)

    def write(name, revision, after, up="pass"):
        path = tmp_path / "migrations" / "versions" / name
        path.write_text(SCRIPT.format(revision, after, up))
        return path

    write("1.py", "a", None)
    return write


def deploy(host, mode="postgres_only", *, rehearsed=False, **asked):
    tree = {
        "app": "shop",
        "database": {"mode": mode},
        "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}},
    }
    service = describe(settings.load(tree, "test"))
    given = ("DATABASE_URL=postgresql://shop@db.example.org/shop",)
    request = replace(Request(version="v1", given=given), **asked)
    with Progress("test") as progress:
        if rehearsed:
            return dry_run.deploy(service, [Host(host)], progress, request)
        return deploys.deploy(service, [Host(host)], progress, request, 0)


@pytest.mark.parametrize("rehearsed", [False, True], ids=["deploy", "dry run"])
def test_two_heads_are_refused_before_anything_is_built_or_any_host_is_touched(project, rehearsed):
    project("2.py", "b", "a")
    project("3.py", "c", "a")
    host = Touched("web1")
    with pytest.raises(Refused) as raised:
        deploy(host, rehearsed=rehearsed)
    assert str(raised.value) == (
        "migrations: several newest revisions: b, c (2.py, 3.py); nothing was built\n"
        "  next:  alembic merge heads, then deploy again"
    )
    assert (host.begun, host.said) == (False, [])


def test_every_mistake_is_told_with_what_to_do_next(project):
    project("2.py", "b", "gone")
    project("3.py", "c", "lost")
    with pytest.raises(Refused) as raised:
        deploy(Touched("web1"))
    said = str(raised.value)
    assert "2.py: revision b comes after gone" in said
    assert "3.py: revision c comes after lost" in said
    assert said.count("bring the script of ") == 2


def test_a_chain_in_order_goes_on_to_the_build(project, capsys):
    project("2.py", "b", "a")
    host = Touched("web1")
    with pytest.raises(Built):
        deploy(host)
    assert host.begun
    assert "migrations" not in capsys.readouterr().err


def test_what_is_not_certain_stops_nothing_and_is_not_told(project, capsys):
    project("2.py", "b", "gone").write_text("from shop.revisions import *\n")
    with pytest.raises(Built):
        deploy(Touched("web1"))
    assert "2.py" not in capsys.readouterr().err


def test_what_the_scripts_take_away_is_noted_and_stops_nothing(project, capsys):
    project("2.py", "b", "a", 'op.drop_column("entries", "mood")')
    with pytest.raises(Built):
        deploy(Touched("web1"))
    said = capsys.readouterr().err
    assert (
        "note: migrations take something away (b drops a column (entries.mood) in 2.py:6)" in said
    )
    assert "--allow-destructive" in said
    with pytest.raises(Built):
        deploy(Touched("web1"), allow_destructive=True)
    assert "drops a column" not in capsys.readouterr().err


def test_an_image_of_somebody_else_does_not_have_these_scripts(project, monkeypatch):
    project("2.py", "b", None)
    there = image.Image("shop:v1", "sha256:1", 1)
    monkeypatch.setattr(image, "look", lambda reference: there)
    rehearsed = deploy(Touched("web1"), rehearsed=True, image="shop:v1")
    assert rehearsed.version == "v1"


def test_scripts_of_a_service_on_sqlite_are_the_app_s_own_matter(project, capsys):
    project("2.py", "b", None)
    with pytest.raises(Built):
        deploy(Touched("web1"), "sqlite_only")
    assert "several newest" not in capsys.readouterr().err


def test_where_the_service_may_be_on_sqlite_two_heads_are_a_warning(project, capsys):
    project("2.py", "b", None)
    with pytest.raises(Built):
        deploy(Touched("web1"), "try_postgres")
    assert "warning: migrations: several newest revisions: a, b" in capsys.readouterr().err
