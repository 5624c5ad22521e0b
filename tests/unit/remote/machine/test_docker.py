"""Commands about images, and what their answers mean."""

import base64
import gzip

from edgepaas_tasks.remote.machine import docker
from edgepaas_tasks.remote.machine.docker import Content

ONE = 'sha256:1 sha256:a sha256:b\nlinux/amd64 2026-01-01T00:00:00Z Cmd=["one"]\n'
TWO = 'sha256:2 sha256:a sha256:b\nlinux/amd64 2026-01-01T00:00:00Z Cmd=["two"]\n'
NONE = "sha256:3\nlinux/amd64 \n"  # no layer, no time, no configuration


def packed(text):
    return base64.encodebytes(gzip.compress(text.encode())).decode()


def test_images_are_told_with_their_layers_and_configurations():
    found = docker.parse_images(packed(ONE + TWO + NONE))
    assert [content.layers for content in found.values()] == [("sha256:a", "sha256:b")] * 2 + [()]
    assert len({content.configuration for content in found.values()}) == 3
    for text in (ONE, TWO, NONE):
        identifier, content = docker.parse_image(text.strip())
        assert found[identifier] == content, "alone it is told as it is"


def test_a_host_that_tells_no_images_has_none():
    for text in ("", "same", packed(""), packed("\n"), packed(ONE)[:-9]):
        assert docker.parse_images(text) == {}


def test_only_a_common_beginning_counts_as_shared():
    there = [Content(layers, "") for layers in (("a", "b", "x"), ("b", "c"), ())]
    assert docker.shared_layers(("a", "b", "c"), there) == 2
    assert docker.shared_layers(("c",), there) == 0


def test_the_nearest_image_has_the_most_of_the_lowest_layers():
    there = {
        one: Content(layers, "")
        for one, layers in {"1": ("a",), "2": ("a", "b"), "3": ("a", "b", "x")}.items()
    }
    assert docker.nearest(("a", "b", "c"), there) == "2"
    assert docker.nearest(("a", "b", "c"), there, "3") == "3"
    assert docker.nearest(("a", "b", "c"), there, "1") == "2"
    assert docker.nearest(("z",), there, "1") == docker.nearest(("a",), {}) == ""


def test_a_password_is_on_no_argument_list():
    command = docker.pull("r/x@sha256:1", "x:1", server="r", user="me", password=b"hidden")
    assert "hidden" not in repr((command.words, command.values))
    assert command.values[-2:] == (("server", "r"), ("user", "me"))
    assert docker.pull("r/x@sha256:1", "x:1").values[-2:] == (("server", ""), ("user", ""))
