"""Room for an image: what goes when a disk is short, and what never does."""

from dataclasses import replace

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images.shipping import disk_space as room
from edgepaas_tasks.remote.machine.docker import Content
from edgepaas_tasks.remote.machine.facts import Disk, Facts
from edgepaas_tasks.remote.result import Result
from edgepaas_tasks.remote.service.releases import GOOD, Entry, Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import describe

SIZE = 500 * room.MB


class Pruned:
    """A host that has so many bytes free once it was asked to remove something."""

    name = "web1"

    def __init__(self, free):
        self.free = free
        self.asked = []

    def change(self, *commands):
        self.asked += commands
        said = [Result(str(command), "removed a\nremoved b\n", "", 0) for command in commands[:-1]]
        return [*said, Result("look", f"disk=/ {self.free} 1000000\n", "", 0)]


@pytest.fixture
def service():
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    return describe(settings.load(tree, "test"))


def release(number):
    return Release(number, f"v{number}", f"sha256:{number}", f"shop:v{number}", ())


def state(images, live=2):
    entries = tuple(Entry(n, f"v{n}", f"sha256:{n}", "deploy", GOOD, n) for n in range(1, live + 1))
    return State(
        Facts(disks=(Disk("/", 100 * room.MB, 1_000_000),)),
        Live("blue", live),
        {},
        entries,
        {n: release(n) for n in range(1, live + 1)},
        images={one: Content(layers, "") for one, layers in images.items()},
    )


def words(host, script):
    """What a script was given, each time."""
    return [command.words[1:] for command in host.asked if command.words[0] == script]


def test_what_transfers_left_goes_when_the_disk_is_short(service):
    host = Pruned(2 * SIZE)
    room.make(service, host, state({"sha256:1": ("a",), "sha256:2": ("a",)}), SIZE, ("a", "b"))
    assert words(host, "leftovers") == [
        (
            *("/opt/edgepaas/shop-test", "edgepaas.part=shop-test", "edgepaas.image=shop"),
            "sha256:2",
        )
    ]


def test_nothing_goes_where_there_is_room(service):
    host = Pruned(0)
    seen = state({})
    free = replace(seen, facts=Facts(disks=(Disk("/", 2 * SIZE, None),)))
    room.make(service, host, free, SIZE, ("a",))
    assert host.asked == []


def test_too_little_after_all_is_refused_with_what_went(service):
    with pytest.raises(Refused, match="after removing 2 old releases and images"):
        room.make(service, Pruned(SIZE), state({}), SIZE, ("a",))


def test_what_the_image_is_built_upon_stays(service):
    """Its layers are not sent again: the host counts on what has them."""
    images = {
        "sha256:1": ("a", "b", "c"),  # of a release that goes
        "sha256:4": ("a", "x"),
        "sha256:part": ("a", "b"),
    }
    host = Pruned(2 * SIZE)
    room.make(service, host, state(images, live=4), SIZE, ("a", "b", "c", "d"))
    assert words(host, "leftovers")[0][-1] == "sha256:1"
    (gone,) = words(host, "prune")
    assert "release:1" in gone
    assert "image:sha256:2" in gone
    assert "image:sha256:1" not in gone
    assert "image:shop:v1" not in gone
