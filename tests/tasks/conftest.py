"""Hosts that only answer, for the order of what is asked of them."""

import base64
import gzip
import re
from contextlib import contextmanager

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.images.shipping import ship as shipping
from edgepaas_tasks.images.shipping.content import ImageContent, Layer
from edgepaas_tasks.images.shipping.registry import Registry
from edgepaas_tasks.remote.batch import Frames
from edgepaas_tasks.remote.service.slots import TOLD
from edgepaas_tasks.remote.transport import Streams
from edgepaas_tasks.service.service import describe

FACTS = (
    "os=debian\nos_version=12\ndocker=20.10\ndocker_store=overlay2\nnginx=1.22\nnginx_active=yes\n"
)


def packed(text):
    """What a host tells of its images, as it does."""
    return base64.encodebytes(gzip.compress(text.encode())).decode()


class Answering:
    """A way to a host that answers each command by name; `fails` maps a pattern of names to an exit code."""

    def __init__(self, name, fails=None, live="slots/none/0"):
        self.name = name
        self.fails = fails or {}
        self.live = live
        self.said = []
        self.heard = ""

    def begin(self):
        pass

    def open(self):
        pass

    def close(self):
        pass

    def interrupt(self):
        pass

    def clone(self):
        return self

    def answer(self, name):
        return {
            "look at the host": FACTS,
            "read the flag": self.live,
            "list the containers": "[]",
            "load the image": "sha256:1 sha256:a\nconfiguration",
        }.get(name)

    def execute(self, batch, chunks, on_line):
        chunks = iter(chunks)
        out, err = Frames(batch.marker, ended=batch.ended), Frames(batch.marker, on_line)
        for command in batch.commands:
            name = str(command)
            self.said.append(name)
            code = next(
                (code for pattern, code in self.fails.items() if re.search(pattern, name)), 0
            )
            if not name.startswith("flip to"):
                list(chunks)
            elif not code:  # one that failed asks nobody
                err.feed(b"baked\n")
                self.heard = next(chunks).decode()
                code = 0 if self.heard.startswith("commit") else TOLD
            out.feed(f"{self.answer(name) or 'same'}\n{batch.marker} {code}\n".encode())
            err.feed(f"because\n{batch.marker} {code}\n".encode())
            if code not in command.ok:
                break
        return Streams(out, err, ended=True)


@pytest.fixture
def service():
    tree = {
        "app": "shop",
        "database": {"mode": "sqlite_only"},
        "flip": {"bake": 0},
        "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}},
    }
    chosen = settings.load(tree, "test")
    return describe(chosen)


@pytest.fixture
def one_layer(monkeypatch, tmp_path):
    """What this machine's engine hands over of any image: one layer, with neither engine nor image there."""

    @contextmanager
    def taken(here, needless):
        source = Registry(tmp_path, "edgepaas/test")
        source.path("sha256:p").write_bytes(b"layer")
        config = b'{"rootfs": {"diff_ids": ["sha256:a"]}}'
        yield ImageContent(here, source, "sha256:m", config, (Layer("sha256:p", 5, "sha256:a"),))

    monkeypatch.setattr(shipping, "exported", taken)
