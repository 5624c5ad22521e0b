"""Commands about images, and what their answers mean."""

from remote import docker

LINE = "sha256:1 2026-01-01T00:00:00Z/abc sha256:a sha256:b"


def test_images_are_told_with_their_layers_and_marks():
    text = f"{LINE}\nsha256:2 2026-01-01T00:00:00Z/ sha256:a\nsame\n\n"
    assert docker.parse_images(text) == {
        "sha256:1": ("sha256:a", "sha256:b"),
        "sha256:2": ("sha256:a",),
    }
    assert docker.parse_marks(text)["sha256:2"] == "2026-01-01T00:00:00Z/"
    assert docker.parse_image(LINE)[2] == ("sha256:a", "sha256:b")


def test_only_a_common_beginning_counts_as_shared():
    there = [("a", "b", "x"), ("b", "c"), ()]
    assert docker.shared_layers(("a", "b", "c"), there) == 2
    assert docker.shared_layers(("c",), there) == 0


def test_the_parts_of_an_image_are_labelled_with_its_name():
    for reference in ("reg.example:5000/acme/shop:v1", "reg.example:5000/acme/shop@sha256:1"):
        assert docker.part_label(reference) == {docker.PART: "reg.example:5000/acme/shop"}


def test_a_password_is_on_no_argument_list():
    command = docker.pull("r/x@sha256:1", "x:1", server="r", user="me", password=b"hidden")
    assert "hidden" not in " ".join(command.words)
    assert command.words[-2:] == ("r", "me")
    assert len(docker.pull("r/x@sha256:1", "x:1").words) == 4
