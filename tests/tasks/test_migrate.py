"""The tasks of the schema: what stands before something is taken away."""

import json
from contextlib import contextmanager

import pytest
from invoke import Config, Context

from edgepaas_tasks.commands import migrate as commands
from edgepaas_tasks.console.boundary import Refused
from edgepaas_tasks.targets import service as services
from remote.host import Host
from tests.tasks.test_recovery import Kept, entry

STATUS = {
    "at": ["0002"],
    "heads": ["0002"],
    "known": ["0001", "0002"],
    "pending": [],
    "unknown": [],
}
URL = "postgresql://shop:secret@db.example.org/shop"


class Migrating(Kept):
    """A host whose database is at 0002, and whose containers do as they are told."""

    def __init__(self):
        super().__init__("web1", "slots/blue/5", [entry(4), entry(5)])
        self.down = {"before": ["0002"], "at": ["0001"], "applied": []}

    def answer(self, name):
        if name == "migrate: down":
            return json.dumps(self.down)
        return json.dumps(STATUS) if name == "migrate: status" else super().answer(name)


@pytest.fixture
def host(monkeypatch, tmp_path):
    found = Migrating()

    @contextmanager
    def hosts(of, **more):
        yield [Host(found)]

    monkeypatch.setattr(commands, "hosts", hosts)
    monkeypatch.setattr(services, "_asked", set())
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.chdir(tmp_path)
    return found


def context(**database):
    environments = {name: {"hosts": [{"address": "192.0.2.1"}]} for name in ("test", "prod")}
    variables = {"DATABASE_URL": {"type": "url", "secret": True}}
    tree = {"app": "shop", "database": database, "variables": variables}
    return Context(Config({"edgepaas": {**tree, "environments": environments}}))


def down(env="test", to="0001", confirm="", **database):
    return commands.down(context(**database), env, to=to, confirm=confirm, wait="0")


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
