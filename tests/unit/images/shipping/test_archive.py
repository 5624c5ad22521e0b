"""An image as docker load takes it: which files travel, and in which parts."""

import io
import json
import tarfile

import pytest

from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping import archive
from edgepaas_tasks.images.shipping.content import ImageContent, Layer
from edgepaas_tasks.images.shipping.registry import Registry

SIZES = (700, 20, 600, 30)


@pytest.fixture
def cargo(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "PART", 500)
    source = Registry(tmp_path, "edgepaas/test")
    layers = []
    for number, size in enumerate(SIZES):
        layers.append(Layer(f"sha256:p{number}", size, f"sha256:c{number}"))
        source.path(f"sha256:p{number}").write_bytes(bytes([number]) * size)
    contents = [layer.content for layer in layers]
    config = {"architecture": "arm64", "os": "linux", "rootfs": {"diff_ids": contents}}
    here = Image("shop:v1", "sha256:1", 5000, tuple(contents))
    return ImageContent(here, source, "sha256:m", json.dumps(config).encode(), tuple(layers))


def read(part):
    data = b"".join(part.chunks())
    assert len(data) == part.size
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_only_missing_layers_are_files_and_all_are_named(cargo):
    (part,) = archive.parts(cargo, 3, {})
    files = read(part)
    assert files["c3.tar"] == b"\3" * 30
    assert sorted(files) == ["c3.tar", "config.json", "manifest.json"]
    (listed,) = json.loads(files["manifest.json"])
    assert listed["Layers"] == ["c0.tar", "c1.tar", "c2.tar", "c3.tar"]
    assert files[listed["Config"]] == cargo.config
    assert listed["RepoTags"] is None, "named once it is known to be the one"


def test_every_part_is_an_image_of_the_layers_so_far(cargo):
    parts = [read(part) for part in archive.parts(cargo, 0, {"a": "b"})]
    assert [sorted(name for name in part if name.startswith("c") and name.endswith(".tar")) for part in parts] == [
        ["c0.tar"],
        ["c1.tar", "c2.tar"],
        ["c3.tar"],
    ]  # fmt: skip
    lower = json.loads(parts[1]["config.json"])
    assert lower["rootfs"]["diff_ids"] == ["sha256:c0", "sha256:c1", "sha256:c2"]
    assert (lower["architecture"], lower["config"]["Labels"]) == ("arm64", {"a": "b"})
    assert json.loads(parts[1]["manifest.json"])[0]["RepoTags"] is None
    assert parts[2]["config.json"] == cargo.config


def test_an_engine_that_takes_no_parts_gets_all_in_one(cargo):
    (part,) = archive.parts(cargo, 0, {}, whole=True)
    files = read(part)
    assert len(files) == 2 + len(SIZES)
    assert json.loads(files["manifest.json"])[0]["RepoTags"] == ["shop:v1"]


def test_an_image_whose_layers_are_all_there_is_its_configuration(cargo):
    (part,) = archive.parts(cargo, 4, {})
    assert sorted(read(part)) == ["config.json", "manifest.json"]


def test_parts_travel_behind_their_length_and_end_with_a_zero(cargo):
    data = b"".join(archive.framed(archive.parts(cargo, 0, {})))
    lengths = []
    while data != b"0\n":
        length, _, rest = data.partition(b"\n")
        lengths.append(int(length))
        data = rest[int(length) :]
    assert len(lengths) == 3
