"""What a rollback asks before it moves anybody: was the release ever good, and does its code fit the schema."""

import json
from dataclasses import replace

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.fleet import journal
from edgepaas_tasks.images import image
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.release import rollback as rollbacks
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import FAILED
from edgepaas_tasks.report import journal as report
from edgepaas_tasks.service.service import describe
from tests.tasks.conftest import packed
from tests.tasks.test_repair import Kept, entry

FITS = {
    "at": ["0001"],
    "heads": ["0001"],
    "known": ["0001"],
    "pending": [],
    "unknown": [],
    "diverged": False,
}
AHEAD = {**FITS, "at": ["0002"], "unknown": ["0002"]}
BEHIND = {**FITS, "heads": ["0002"], "known": ["0001", "0002"], "pending": ["0002 mood"]}


class Migrated(Kept):
    """A host whose images say this of the database; `lacks` are images that are not there any more."""

    def __init__(self, name, schema, *, lacks=(), **more):
        super().__init__(name, "slots/blue/5", more.pop("history", [entry(4), entry(5)]), **more)
        self.schema = schema
        self.lacks = lacks

    def answer(self, name):
        there = [number for number in self.numbers if number not in self.lacks]
        return {
            "migrate: status": json.dumps(self.schema),
            "list the images": packed("".join(f"sha256:{number}\n\n" for number in there)),
            "load the image": "sha256:4 sha256:a\nconfiguration",
            "read the release's environment": "TOKEN=1",
        }.get(name) or super().answer(name)


@pytest.fixture
def service():
    hosts = [{"address": "192.0.2.1"}, {"address": "192.0.2.2"}]
    environments = {"test": {"hosts": hosts}}
    tree = {"app": "shop", "flip": {"bake": 0}, "environments": environments}
    return describe(settings.load(tree, "test"))


@pytest.fixture
def back(service, monkeypatch, one_layer):
    """A rollback on hosts of the test's choice, from a machine that has the image of release 4."""
    here = Image("shop:v4", "sha256:4", 1000, ("sha256:a",), store="overlay2")
    monkeypatch.setattr(image, "find", lambda reference: here)

    def back(*transports, to=None, **allowed):
        with Progress("test") as progress:
            hosts = [Host(transport) for transport in transports]
            asked = rollbacks.Back(to, **allowed)
            return rollbacks.rollback(service, hosts, progress, asked, 0)

    return back


def test_an_image_that_the_hosts_lack_is_shipped_and_then_asked(back):
    first, second = (Migrated(name, FITS, lacks=(4,)) for name in ("web1", "web2"))
    assert back(first, second).release.number == 4
    order = ["load the image", "migrate: status", "start release 4 in green"]
    assert [name for name in first.said if name in order] == order
    assert "migrate: status" not in second.said, "there is one database"


@pytest.mark.parametrize("lacks", [(), (4,)])
def test_an_image_that_does_not_know_the_schema_is_not_started_wherever_it_was(back, lacks):
    host = Migrated("web1", AHEAD, lacks=lacks)
    with pytest.raises(Refused, match="the database is at 0002, which the image of release 4"):
        back(host)
    assert not [name for name in host.said if name.startswith(("start", "flip"))]
    assert host.live == "slots/blue/5"
    assert back(Migrated("web1", AHEAD, lacks=lacks), allow_newer_schema=True).release.number == 4


def test_a_release_whose_migrations_are_not_applied_is_not_started(back):
    host = Migrated("web1", BEHIND)
    with pytest.raises(Refused, match="release 4 .* needs: 0002 mood") as raised:
        back(host)
    way = "inv migrate.up --release 4 --env test, then roll back; or inv deploy --env test"
    assert way in str(raised.value)
    assert not [name for name in host.said if name.startswith(("start", "flip"))]


def at(number, schema, **more):
    return replace(entry(number, **more), schema=schema)


LINE = [at(3, "0001"), at(4, "0002"), at(5, "0003")]


@pytest.mark.parametrize(
    ("history", "to", "schema", "way"),
    [
        (LINE, None, {"at": ["0003"], "heads": ["0002"]}, "--to 0002 --env test"),
        # After a rollback over a newer schema, the live image cannot do it.
        (
            [*LINE[:2], at(6, "0003", result=FAILED), at(5, "")],
            4,
            {"at": ["0003"], "heads": ["0002"]},
            "--to 0002 --release 6 --env test",
        ),
        (LINE, None, {"at": ["0003"], "heads": []}, "--to base --env test"),
        (
            [at(4, "0001"), at(5, "0001")],
            None,
            {"at": ["0009"], "heads": ["0001"]},
            "deploy code that knows it, inv migrate.down --to 0001 --env test",
        ),
    ],
)
def test_the_way_down_is_one_that_can_be_gone(back, history, to, schema, way):
    host = Migrated("web1", {**AHEAD, "unknown": schema["at"], **schema}, history=history)
    with pytest.raises(Refused) as raised:
        back(host, to=to)
    assert f"{way}, then roll back; or --allow-newer-schema" in str(raised.value)


def test_a_release_that_was_never_good_is_not_gone_back_to(back):
    history = [entry(3, FAILED), entry(4), entry(5), entry(6, FAILED)]
    for number in (3, 6):
        with pytest.raises(
            Refused, match=rf"release {number} was never good \(good and kept: 4, 5\)"
        ):
            back(Migrated("web1", FITS, history=history), to=number)
    with pytest.raises(Refused, match=r"release 9 is not kept here \(good and kept: 4, 5\)"):
        back(Migrated("web1", FITS, history=history), to=9)
    # A host that missed the record has it all the same: it was decided for all of them.
    second = Migrated("web2", FITS, history=[entry(5)])
    second.numbers = [4, 5]
    first = Migrated("web1", FITS, history=history)
    assert back(first, second, to=4).release.number == 4


def test_what_the_journal_offers_is_what_a_rollback_takes(service):
    host = Host(Migrated("web1", FITS, history=[entry(3, FAILED), entry(4), entry(5)]))
    found = report.journals_json(service, journal.read(service, [host]))
    assert found["hosts"][0]["kept"] == [4, 5]
