"""An image's content, taken out of this machine's engine: its configuration, and the layers that are to travel.

The engine is asked to push into a registry of ours, which says that it has the layers that no host lacks: a change of
code is out at once, where `docker save` packs the whole image each time (figures: docs/builds.md). An engine that
does not reach this machine's loopback address (one in a virtual machine, or a distant one) is asked to save.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, Any

from edgepaas_tasks.images.building import layer_cache as memory
from edgepaas_tasks.images.image import Image
from edgepaas_tasks.images.shipping import registry_server
from edgepaas_tasks.images.shipping.registry import Registry
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.errors import CommandFailed, RemoteError
from edgepaas_tasks.remote.machine import docker

TAKE = 1800.0  # seconds for the engine to hand an image over
LEVEL = 1  # of gzip, for what the engine saved: see docs/builds.md for the measurement
CHUNK = 1024 * 1024  # bytes at a time
CONFIG = 4 * 1024 * 1024  # bytes that a configuration may have

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Layer:
    """A compressed layer: the digest and size of its file, and the digest of what it unpacks to."""

    digest: str
    size: int
    content: str


@dataclass(frozen=True)
class ImageContent:
    """`manifest` is the digest of the manifest in `source`, `config` the configuration, `layers` all from the lowest.

    `source` has the files of those layers that were wanted, and maybe of others.
    """

    image: Image
    source: Registry
    manifest: str
    config: bytes
    layers: tuple[Layer, ...]

    @property
    def id(self) -> str:
        """The digest of the configuration: the image's name in every store."""
        return f"sha256:{hashlib.sha256(self.config).hexdigest()}"

    def path(self, layer: Layer) -> Path:
        return self.source.path(layer.digest)


@contextmanager
def exported(image: Image, present: Collection[str]) -> Iterator[ImageContent]:
    """The image's content but for the layers `needless`, in a folder that is gone afterwards, and served from there.

    Raises CommandFailed when the engine hands out another image than it described.
    """
    known = memory.recall()
    assumed_present = {known[one][0]: known[one][1] for one in present if one in known}
    # On a machine that forgets (a CI runner) the layers below would be compressed in vain each time.
    forgetful = bool(os.environ.get("CI")) and not set(present) <= set(known)
    with tempfile.TemporaryDirectory(prefix="edgepaas-") as folder:
        name = f"edgepaas/{image.layers[0][7:19] if image.layers else 'empty'}"
        source = Registry(Path(folder), name, assumed_present)
        with registry_server.serve(source):
            taken = None if forgetful else _pushed(image, source)
            if taken is None:
                taken = _saved(image, source, set(present))
            if not _is(taken, image):
                raise CommandFailed(
                    local.HERE,
                    f"the engine handed out another image than {image.reference}",
                    code=1,
                    next_step="deploy again; the image was changed meanwhile",
                )
            memory.keep({layer.content: (layer.digest, layer.size) for layer in taken.layers})
            yield taken


def _is(taken: ImageContent, image: Image) -> bool:
    by_configuration = docker.is_graph_driver(image.store)
    layers = tuple(layer.content for layer in taken.layers)
    return layers == image.layers and (taken.id == image.id or not by_configuration)


def _pushed(image: Image, source: Registry) -> ImageContent | None:
    """None when the engine cannot push here."""
    target = f"127.0.0.1:{source.port}/{source.writing}:{image.layers[-1][7:19]}"
    local.run("docker", "tag", image.id, target)
    try:
        local.run("docker", "push", "--quiet", target, timeout=TAKE)
    except RemoteError:
        return None
    finally:
        local.run("docker", "rmi", target, ok=(0, 1))
    for digest, (_, text) in source.manifests.items():
        manifest = json.loads(text)
        path = source.path(manifest.get("config", {}).get("digest", "none"))
        if not path.is_file() or path.stat().st_size > CONFIG:
            continue  # an index, or the configuration of something else
        config = path.read_bytes()
        contents = _contents(config)
        if contents == image.layers and len(manifest["layers"]) == len(contents):
            pairs = zip(manifest["layers"], contents, strict=True)
            layers = tuple(Layer(one["digest"], one["size"], content) for one, content in pairs)
            return ImageContent(image, source, digest, config, layers)
    return None


def _saved(image: Image, source: Registry, present: set[str]) -> ImageContent:
    """What `docker save` writes, read once as it comes: each layer is hashed, compressed, and kept if it is wanted."""
    small: dict[str, bytes] = {}
    found: dict[str, Layer] = {}
    # What it says on stderr goes to ours: a pipe that nobody reads would fill.
    with Popen(("docker", "save", image.reference), stdout=PIPE) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                for member in tar:
                    skip = f"sha256:{member.name.rpartition('/')[2]}" in present
                    if not member.isfile() or skip:
                        continue
                    file = tar.extractfile(member)
                    assert file is not None
                    if member.size <= CONFIG:
                        small[member.name] = data = file.read()
                        layer = _keep([data], source)
                    else:
                        layer = _keep(_chunks(file), source)
                    found[layer.content] = layer
                    if layer.content in present:
                        source.path(layer.digest).unlink()
        except tarfile.TarError:
            process.kill()
    if process.returncode != 0:
        raise CommandFailed(
            local.HERE,
            "docker save failed",
            code=process.returncode,
            tried=f"docker save {image.reference}",
            next_step="docker image inspect tells whether the image is whole",
        )
    (listed,) = json.loads(small["manifest.json"])
    config = small[listed["Config"]]
    layers = tuple(found.get(content, Layer(content, 0, content)) for content in _contents(config))
    text = _manifest(config, layers)
    config_path = source.path(f"sha256:{hashlib.sha256(config).hexdigest()}")
    config_path.write_bytes(config)
    return ImageContent(image, source, source.add(MANIFEST, text), config, layers)


def _keep(chunks: Iterator[bytes] | list[bytes], source: Registry) -> Layer:
    """A layer as a compressed file; both digests are made while it streams."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    content, packed, size = hashlib.sha256(), hashlib.sha256(), 0
    partial = source.folder / "saving.partial"
    with partial.open("wb") as file:

        def write(data: bytes) -> int:
            packed.update(data)
            file.write(data)
            return len(data)

        for chunk in chunks:
            content.update(chunk)
            size += write(compressor.compress(chunk))
        size += write(compressor.flush())
    layer = Layer(f"sha256:{packed.hexdigest()}", size, f"sha256:{content.hexdigest()}")
    partial.rename(source.path(layer.digest))
    return layer


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _contents(config: bytes) -> tuple[str, ...]:
    rootfs: Mapping[str, Any] = json.loads(config).get("rootfs") or {}
    return tuple(rootfs.get("diff_ids") or ())


def _manifest(config: bytes, layers: tuple[Layer, ...]) -> bytes:
    kind = "application/vnd.docker"
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": f"{kind}.container.image.v1+json",
                "size": len(config),
                "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
            },
            "layers": [
                {
                    "mediaType": f"{kind}.image.rootfs.diff.tar.gzip",
                    "size": layer.size,
                    "digest": layer.digest,
                }
                for layer in layers
            ],
        }
    ).encode()
