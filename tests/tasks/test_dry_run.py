"""`--dry-run` of the tasks that change hosts: the hosts are only read, and the answer says what would be done."""

import io
import json
import re
from contextlib import contextmanager, redirect_stdout

import pytest
from invoke import Config, Context

from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.namespaces import db, deploy, docker, env, lock, migrate, nginx, operations
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import FAILED
from edgepaas_tasks.service import service as services
from tests.tasks.test_repair import Kept, entry

READS = re.compile("look at|read |list |migrate: status")
STATUS = {"at": ["0001"], "heads": ["0002"], "known": ["0001", "0002"], "pending": ["0002 mood"]}


class Watched(Kept):
    """A host that notes every batch that would change it."""

    def __init__(self, **more):
        history = [entry(3, FAILED), entry(4), entry(5)]
        super().__init__("web1", "slots/blue/5", history, **more)
        self.changed = []

    def answer(self, name):
        return {
            "migrate: status": json.dumps({**STATUS, "unknown": [], "diverged": False}),
            "read the release's environment": canonical.render({"GREETING": "hello"}),
            "read the maintenance flag": "",
            "look at the lease": "",
        }.get(name) or super().answer(name)

    def execute(self, batch, chunks, on_line):
        self.changed += [str(one) for one in batch.commands if not READS.match(str(one))]
        return super().execute(batch, chunks, on_line)


@pytest.fixture
def dry(monkeypatch, tmp_path):
    """Runs a task of a service whose only host is watched; returns what it printed."""

    def dry(task, host, database="try_postgres", **options):
        @contextmanager
        def hosts(service, **more):
            yield [Host(host)]

        tree = {
            "app": "shop",
            "database": {"mode": database},
            "variables": {
                "GREETING": {"type": "string", "default": "servus"},
                "DATABASE_URL": {"type": "url", "secret": True},
            },
            "keep_releases": 2,
            "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}},
        }
        monkeypatch.setattr(services, "connect", hosts)
        monkeypatch.setattr(services, "_asked", set())
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@db.example.org/shop")
        monkeypatch.chdir(tmp_path)
        printed = io.StringIO()
        with redirect_stdout(printed):
            task.body.__wrapped__(
                Context(Config({"edgepaas": tree})), "test", dry_run=True, **options
            )
        assert host.changed == []
        return printed.getvalue()

    return dry


def test_a_rollback_names_the_release_and_its_slot(dry):
    assert dry(deploy.rollback, Watched()) == (
        "web1:\n"
        "  would start release 4 (v4) in green, check it, move traffic to it, and drain release 5\n"
        "nothing was changed\n"
    )
    with pytest.raises(Refused, match="release 9 is not kept here"):
        dry(deploy.rollback, Watched(), to="9")


def test_a_flip_names_what_runs_in_the_other_slot(dry):
    said = dry(nginx.flip, Watched(runs={"green": 4}))
    assert "would move traffic from blue to green, release 4 (v4)" in said
    with pytest.raises(Refused, match="nothing runs in green"):
        dry(nginx.flip, Watched())


def test_a_prune_names_what_would_go(dry):
    host = Watched()
    host.numbers = [3, 4, 5]
    said = dry(docker.prune, host)
    assert "  would remove release 3\n" in said
    assert "release 5" not in said


def test_a_push_of_variables_shows_the_difference(dry):
    said = dry(env.push, Watched())
    assert "changed GREETING: 'hello' -> 'servus'" in said
    assert said.endswith("nothing was changed\n")


def test_the_way_to_another_database_is_told(dry):
    said = dry(db.use, Watched(), mode="sqlite")
    assert "would be on sqlite_only" in said


@pytest.mark.parametrize(
    ("task", "options", "expected"),
    [
        (migrate.up, {}, ["would run 0002 mood"]),
        (migrate.down, {"to": "base"}, ["would go from 0001 down to base"]),
    ],
)
def test_a_migration_is_told_and_not_run(dry, task, options, expected):
    said = dry(task, Watched(), "postgres_only", **options)
    assert said.splitlines()[1:] == [*(f"  {line}" for line in expected), "nothing was changed"]


def test_the_maintenance_page_stays_as_it_is(dry):
    assert "would put the page up" in dry(operations.maintenance, Watched(), on=True)
    assert "nothing to do" in dry(operations.maintenance, Watched(), off=True)


def test_a_free_lease_is_not_broken(dry):
    assert dry(lock.release, Watched()) == "web1: nothing to do\nnothing was changed\n"
