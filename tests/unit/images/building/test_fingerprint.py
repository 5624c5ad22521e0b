"""Digests of what is sent; what makes a difference to a version or an image is in the tests of those."""

import os
import tracemalloc

import pytest

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images.building import context as contexts
from edgepaas_tasks.images.building import fingerprint
from edgepaas_tasks.settings import Build


def digest(folder):
    build = Build(context=str(folder))
    return fingerprint.of_sources(contexts.read(build), build)


def test_reports_of_failed_deploys_make_no_other_version(tmp_path):
    (tmp_path / "app.py").touch()
    before = digest(tmp_path)
    (tmp_path / ".edgepaas" / "reports").mkdir(parents=True)
    (tmp_path / ".edgepaas" / "reports" / "shop-prod-7.md").write_text("why")
    assert digest(tmp_path) == before


def test_names_need_not_be_utf_8(tmp_path):
    before = digest(tmp_path)
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).touch()
    assert digest(tmp_path) != before


def test_a_large_file_is_not_read_into_memory(tmp_path):
    with (tmp_path / "dump.sql").open("wb") as file:
        file.truncate(1 << 26)
    tracemalloc.start()
    digest(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 22


def test_a_file_that_can_not_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "caf\udce9").touch()

    def denied(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path / "caf\udce9"))

    monkeypatch.setattr("hashlib.file_digest", denied)
    with pytest.raises(Refused, match=r"cannot be read: .*/caf\\xe9 \(Permission denied\)"):
        digest(tmp_path)
