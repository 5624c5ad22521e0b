"""An image that somebody else built: its version is its own, and its kind is that of the hosts."""

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.errors import Refused, SettingsError
from edgepaas_tasks.images.shipping import prebuilt as foreign
from tests.engine import Engine, digest_of, id_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LABELS = {
    "org.opencontainers.image.version": "1.2.0",
    "org.opencontainers.image.revision": COMMIT,
}
REF = "registry.example/team/shop:1.2"


@pytest.fixture
def engine(monkeypatch, tmp_path):
    stub = Engine(tmp_path)
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BUILD_VERSION", "of-this-checkout")
    monkeypatch.chdir(tmp_path)
    return stub


def load():
    return settings.load({"app": "shop", "environments": {"test": {}}}, "test")


def settle(reference=REF, asked=""):
    found = foreign.settle(load(), reference, asked)
    return found.text, found.commit


def test_its_version_and_commit_are_those_that_it_says(engine):
    engine.has(here={REF: {"amd64": LABELS}})
    assert settle() == ("1.2.0", COMMIT)
    assert engine.called("pull") == []


def test_an_asked_version_comes_first_and_the_commit_stays_the_images(engine):
    engine.has(here={REF: {"amd64": LABELS}})
    assert settle(asked="v9") == ("v9", COMMIT)
    with pytest.raises(SettingsError, match="--version 'a b'"):
        settle(asked="a b")


@pytest.mark.parametrize("labels", [None, {}, {"org.opencontainers.image.revision": "--help"}])
def test_one_that_says_nothing_is_named_by_its_digest_and_has_no_commit(engine, labels):
    engine.has(here={REF: {"amd64": labels}, "local": {"amd64": labels}})
    assert settle() == (f"image-{digest_of(labels)[7:19]}", "")
    assert settle("local") == (f"image-{id_of(labels)[7:19]}", "")


def test_a_version_that_is_no_tag_becomes_one(engine):
    labels = {"org.opencontainers.image.version": "1.2.0+build 7"}
    engine.has(here={REF: {"amd64": labels}})
    assert settle()[0] == "1.2.0-build-7"


def test_it_is_pulled_once_where_it_is_not_here(engine):
    engine.has(there={REF: {"amd64": LABELS, "arm64": LABELS}})
    assert settle() == ("1.2.0", COMMIT)
    assert foreign.bring(load(), REF, {"web1": "x86_64"}).architecture == "amd64"
    assert engine.called("pull") == [f"pull --quiet {REF}"]


@pytest.mark.parametrize("several", [False, True])
def test_it_is_pulled_for_the_machines_of_the_hosts(engine, several):
    engine.has(there={REF: {"amd64": LABELS, "arm64": LABELS}}, several=several)
    assert settle() == ("1.2.0", COMMIT)
    assert foreign.bring(load(), REF, {"web1": "aarch64"}).architecture == "arm64"
    assert engine.called("pull")[1] == f"pull --quiet --platform linux/arm64 {REF}"


def test_one_that_does_not_run_on_this_machine_is_found_all_the_same(engine):
    engine.has(there={REF: {"arm64": LABELS}})
    assert settle() == ("1.2.0", COMMIT)
    assert foreign.bring(load(), REF, {"web1": "aarch64"}).architecture == "arm64"


def test_one_that_nobody_has_for_the_hosts_is_refused_with_both_kinds(engine):
    engine.has(here={REF: {"amd64": LABELS}}, there={REF: {"amd64": LABELS}})
    with pytest.raises(Refused) as caught:
        foreign.bring(load(), REF, {"web1": "aarch64"})
    told = str(caught.value)
    assert f"{REF} is for amd64 here, and cannot be pulled for linux/arm64 (web1: aarch64)" in told
    assert "no matching manifest for linux/arm64" in told


def test_one_that_is_nowhere_is_refused_with_what_came_back_first(engine):
    engine.has()
    with pytest.raises(Refused, match=r"no image .*it cannot be pulled\n.*manifest unknown"):
        settle()
