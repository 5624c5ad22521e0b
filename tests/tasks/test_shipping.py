"""Which image a host already has, and which one came: what is compared where."""

from dataclasses import replace

import pytest

from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping import identity
from edgepaas_tasks.images.shipping.ship import Shipping
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine import docker, facts
from edgepaas_tasks.remote.machine.docker import FOREIGN, Content
from edgepaas_tasks.remote.result import Result
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.remote.service.state import State
from tests.tasks.conftest import FACTS, Answering

HERE = Image("shop:v2", "sha256:new", 1000, ("sha256:a",), "new", store="overlay2")
OLD = Content(("sha256:a",), "old")
# What docker info calls the store, and what the image says of it: of containerd's nothing in newer engines.
STORES = [("overlay2", "overlayfs"), ("overlayfs", "overlay2"), ("overlayfs", "")]


def state(images, store="overlay2"):
    seen = facts.parse(FACTS.replace("overlay2", store))
    return State(seen, Live("blue", 1), {}, (), {}, images=images)


@pytest.fixture
def ship(service, monkeypatch):
    """Ships to one host with these images; what it calls the image, and whether anything was sent."""

    def ship(here, seen):
        sent = []
        release = Release(2, "v2", here.id, here.reference, ())
        shipping = Shipping(service, [Host(Answering("web1"))], {"web1": seen}, release)

        def send(here, lacking):
            sent.extend(host.name for host in lacking)
            return {host.name: here.id for host in lacking}, "sent"

        monkeypatch.setattr(shipping, "_send", send)
        shipping.ship(here)
        return shipping.release.image, bool(sent)

    return ship


def test_an_image_of_the_same_layers_with_another_configuration_is_sent(ship):
    assert ship(HERE, state({"sha256:old": OLD})) == ("sha256:new", True)
    # Not even told apart by what the engines tell: the id alone says that it is another one.
    assert ship(HERE, state({"sha256:old": HERE.content})) == ("sha256:new", True)


@pytest.mark.parametrize(("theirs", "ours"), STORES)
def test_where_a_store_calls_it_by_the_manifest_the_configuration_decides(ship, theirs, ours):
    here = replace(HERE, store=ours)
    assert ship(here, state({"sha256:old": OLD}, theirs)) == ("sha256:new", True)
    seen = state({"sha256:old": OLD, "sha256:other": here.content}, theirs)
    assert ship(here, seen) == ("sha256:other", False)
    assert ship(here, state({"sha256:new": OLD}, theirs)) == ("sha256:new", False), "a digest"


def told(identifier, configuration='linux/amd64 Cmd=["new"]'):
    return Result("load the image", f"{identifier} sha256:a\n{configuration}\n", "", 0)


def test_what_came_must_have_the_id_where_that_is_the_configurations_digest():
    seen = state({})
    found = identity.verified(HERE, "web1", seen, told("sha256:new"), "sha256:new")
    assert found == "sha256:new"
    with pytest.raises(CommandFailed, match="the image that arrived is not shop:v2") as caught:
        identity.verified(HERE, "web1", seen, told("sha256:x"), "sha256:new")
    assert caught.value.code == FOREIGN
    assert "sha256:x, 1 layers" in str(caught.value)


def test_what_came_to_a_store_of_manifests_is_the_manifest_or_has_the_configuration():
    seen = state({}, "overlayfs")
    assert identity.verified(HERE, "web1", seen, told("sha256:m"), "sha256:m") == "sha256:m"
    with pytest.raises(CommandFailed):
        identity.verified(HERE, "web1", seen, told("sha256:x"), "sha256:m")
    _, content = docker.parse_image(told("sha256:x").text)
    here = replace(HERE, configuration=content.configuration)
    assert identity.verified(here, "web1", seen, told("sha256:x"), "sha256:m") == "sha256:x"
