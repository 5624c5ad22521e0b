"""Images and the machines that they run on."""

from types import SimpleNamespace

import pytest

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image
from edgepaas_tasks.images.image import Image


@pytest.fixture
def engine(monkeypatch):
    """An engine for amd64; `platforms` is what buildx says that it can build."""

    def engine(platforms):
        def run(*words, **_):
            text = "amd64" if words[1] == "version" else platforms
            return SimpleNamespace(text=text, code=0)

        monkeypatch.setattr(image.local, "run", run)

    return engine


def test_the_machines_own_kind_needs_no_platform(engine):
    engine("")
    assert image.platform({"web1": "x86_64", "web2": "x86_64"}) == ""
    assert image.platform({"web1": ""}) == ""


def test_another_kind_is_built_where_the_builder_can(engine):
    engine("Name: default\nPlatforms: linux/amd64, linux/arm64, linux/arm/v7\n")
    assert image.platform({"web1": "aarch64"}) == "linux/arm64"


@pytest.mark.parametrize("said", ["Platforms: linux/amd64, linux/amd64/v2\n", ""])
def test_another_kind_is_refused_where_it_can_not(engine, said):
    engine(said)
    with pytest.raises(Refused, match=r"need an image for linux/arm64 \(web1: aarch64\)"):
        image.platform({"web1": "aarch64"})


def test_hosts_of_two_kinds_are_refused(engine):
    engine("")
    with pytest.raises(Refused, match="web1: x86_64, web2: aarch64"):
        image.platform({"web1": "x86_64", "web2": "aarch64"})


def test_an_image_of_another_kind_is_no_image_for_a_host():
    arm = Image("shop:v1", "sha256:1", architecture="arm64")
    image.require_architecture(arm, "web1", "aarch64")
    with pytest.raises(Refused, match="web1: this host is x86_64, and shop:v1 is for arm64"):
        image.require_architecture(arm, "web1", "x86_64")
