"""The tasks of the schema: what stands before something is taken away."""

import io
import json
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace

import pytest
from invoke import Config, Context

from edgepaas_tasks import settings
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.database import migrations
from edgepaas_tasks.env.values.layers import Resolution
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.fleet.status import look
from edgepaas_tasks.images import image
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.namespaces import migrate
from edgepaas_tasks.release import prepare
from edgepaas_tasks.release.push import push
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.batch import Fence
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import FAILED
from edgepaas_tasks.service import service as services
from edgepaas_tasks.service.service import describe
from tests.tasks.test_repair import Kept, entry, release

STATUS = {
    "at": ["0002"],
    "heads": ["0002"],
    "known": ["0001", "0002"],
    "pending": [],
    "unknown": [],
    "diverged": False,
}
URL = "postgresql://shop:secret@db.example.org/shop"


class Migrating(Kept):
    """A host whose database is at 0002, and whose containers do as they are told."""

    def __init__(self):
        history = [
            entry(4),
            replace(entry(5), schema="0001"),
            replace(entry(6, FAILED), schema="0002"),
        ]
        super().__init__("web1", "slots/blue/5", history)
        self.status = STATUS
        self.up = {"before": ["0001"], "at": ["0002"], "applied": ["0002 mood"]}
        self.down = {"before": ["0002"], "at": ["0001"], "applied": []}
        self.images = []

    def answer(self, name):
        return {
            "migrate: status": json.dumps(self.status),
            "migrate: sql": json.dumps({"sql": "ALTER TABLE entries"}),
            "migrate: up": json.dumps(self.up),
            "migrate: down": json.dumps(self.down),
        }.get(name) or super().answer(name)

    def execute(self, batch, chunks, on_line):
        given = [dict(one.values) for one in batch.commands if one.words[0] == "one-off"]
        self.images += [values["image"] for values in given]
        return super().execute(batch, chunks, on_line)


@pytest.fixture
def host(monkeypatch, tmp_path):
    found = Migrating()

    @contextmanager
    def hosts(service, **more):
        yield [Host(found)]

    monkeypatch.setattr(services, "connect", hosts)
    monkeypatch.setattr(services, "_asked", set())
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr(image, "find", lambda reference: Image(reference, "sha256:5", 1, (), ""))
    monkeypatch.chdir(tmp_path)
    return found


def context(**database):
    environments = {name: {"hosts": [{"address": "192.0.2.1"}]} for name in ("test", "prod")}
    variables = {"DATABASE_URL": {"type": "url", "secret": True}}
    tree = {"app": "shop", "database": database, "variables": variables}
    return Context(Config({"edgepaas": {**tree, "environments": environments}}))


def answer(task, c, env, *, wait="0", **options):
    """What a task prints; what it raises is not turned into an exit code."""
    options |= {} if wait is None else {"wait": wait}
    printed = io.StringIO()
    with redirect_stdout(printed):
        task.body.__wrapped__(c, env, **options)
    return printed.getvalue().rstrip("\n")


def down(env="test", to="0001", confirm="", release="", **database):
    given = {"to": to, "confirm": confirm, "release": release}
    return answer(migrate.down, context(**database), env, **given)


def up(release=""):
    return answer(migrate.up, context(), "test", release=release)


def test_a_way_down_begins_with_the_backup(host, tmp_path):
    assert down(backup="touch saved; echo saved") == (
        "web1: backup taken (saved); from 0002 down to 0001"
    )
    assert (tmp_path / "saved").exists()
    assert down() == "web1: from 0002 down to 0001", "where none is set"


def test_without_its_backup_nothing_goes_down(host):
    with pytest.raises(Refused, match=r"the backup failed \(exit 3\), nothing was changed"):
        down(backup="exit 3")
    assert "migrate: down" not in host.said


def test_a_revision_that_the_image_refuses_takes_no_backup(host, tmp_path):
    host.down = {"kind": "unknown", "message": "this image knows no revision 1"}
    with pytest.raises(Refused, match="this image knows no revision 1"):
        down(to="1", backup="touch saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("given", ["", "another"])
def test_all_the_way_down_in_production_needs_the_name_of_the_database(host, given):
    with pytest.raises(
        Refused, match="--confirm shop takes back all migrations of the database shop of prod"
    ):
        down("prod", "base", given)
    assert host.said == []


@pytest.mark.parametrize(("env", "confirm"), [("prod", "shop"), ("test", "")])
def test_all_the_way_down_elsewhere_or_with_its_name_is_done(host, env, confirm):
    host.down["at"] = []
    assert down(env, "base", confirm) == "web1: from 0002 down to nothing"


def test_the_scripts_are_those_of_the_live_image_or_of_the_one_that_is_named(host):
    assert answer(migrate.sql, context(), "test", release="6", wait=None) == "ALTER TABLE entries"
    assert up("6") == "web1: 1 applied, now at 0002: 0002 mood"
    assert down(release="6") == "web1: from 0002 down to 0001"
    assert "the image of release 6 leads to 0002" in answer(
        migrate.status, context(), "test", release="6", wait=None
    )
    up()
    assert host.images == ["sha256:6"] * 4 + ["sha256:5"]


@pytest.mark.parametrize("release", ["9", "0", "x"])
def test_a_release_that_is_not_kept_is_refused_by_what_there_is(host, release):
    expected = {"9": r"release 9, or its image, is not kept here \(kept: 4, 5, 6\)"}
    with pytest.raises(
        Exception, match=expected.get(release, f"--release '{release}': expected a")
    ):
        up(release)
    assert host.images == []


def test_a_database_that_is_ahead_names_the_release_that_knows_it(host):
    host.status = {**STATUS, "heads": ["0001"], "known": ["0001"], "unknown": ["0002"]}
    said = answer(migrate.status, context(), "test", wait=None)
    assert "ahead: the live image does not know 0002; release 6 does: --release 6" in said


def test_a_loss_is_told_with_the_way_to_read_it(host):
    loss = "0002 drops a column (entries.mood)"
    host.up = {"kind": "destructive", "message": loss}
    with pytest.raises(Refused) as raised:
        up("6")
    assert loss in str(raised.value)
    assert "inv migrate.sql --release 6 --env test" in str(raised.value)


AHEAD = {"kind": "ahead", "message": "the database is at 0002, which this image does not know"}


def test_variables_can_be_pushed_where_the_live_image_is_behind_the_schema(host):
    """It was allowed to serve there, and does."""
    host.up = AHEAD
    service = describe(settings.load(context().config["edgepaas"], "test"))
    with Progress("test") as progress:
        outcome = push(service, [Host(host)], progress, (), 0)
    assert outcome.release.number == 7
    assert "start release 7 in green" in host.said


def test_another_image_is_not_brought_over_a_schema_that_it_does_not_know(host):
    host.up = AHEAD
    service = describe(settings.load(context().config["edgepaas"], "test"))
    hosts = [Host(host)]
    states = {"web1": look(service, hosts[0])}
    fence = Fence("lease", "token", 60)
    rollout = Rollout(service, hosts, states, fence, release(4), "deploy", 0)
    composed = migrations.compose(service, Resolution({}))
    with pytest.raises(
        migrations.Ahead, match="inv migrate.down --to REVISION --release N --env test"
    ):
        prepare.migrate(rollout, composed, allow_destructive=False)
