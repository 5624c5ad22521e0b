"""A registry's tag names one image for ever, and what is under it is not built a second time."""

import subprocess

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.images.shipping import publish as publication
from edgepaas_tasks.release import image as material
from edgepaas_tasks.release.request import Request
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.service.service import describe
from tests.engine import Engine, digest_of, id_of

SERVER = "registry.example/acme"
MINE, THEIRS = {"is": "mine"}, {"is": "theirs"}


@pytest.fixture
def engine(monkeypatch, tmp_path):
    stub = Engine(tmp_path)
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("BUILD_VERSION", "GITHUB_ACTIONS", "DURING", "ABSENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return stub


def load(server=SERVER, **more):
    chosen = {"transport": "registry", "server": server}
    environments = {"test": {"hosts": [{"address": "192.0.2.1"}]}}
    tree = {"app": "shop", "image": chosen, "environments": environments}
    return settings.load({**tree, "database": {"mode": "sqlite_only"}, **more}, "test")


def publish(server=SERVER, name="shop:v1"):
    return publication.publish(load(server), image.find(name))


def test_what_the_registry_lacks_is_pushed(engine):
    engine.has(here={"shop:v1": {"amd64": MINE}})
    assert publish() == f"{SERVER}/shop@{digest_of(MINE)}"
    assert engine["there"] == {f"{SERVER}/shop:v1": {"amd64": MINE}}
    assert list(engine["here"]) == ["shop:v1"], "no other name is left here"


def test_what_the_registry_has_is_not_pushed_again(engine):
    kept = {f"{SERVER}/shop:v1": {"amd64": MINE}}
    engine.has(here={"shop:v1": {"amd64": MINE}}, there=kept)
    assert publish() == f"{SERVER}/shop@{digest_of(MINE)}"
    assert engine.called("push") == []


@pytest.mark.parametrize("kind", ["amd64", "arm64"])
def test_a_tag_never_moves_to_another_image(engine, kind):
    kept = {f"{SERVER}/shop:v1": {kind: THEIRS}}
    engine.has(here={"shop:v1": {"amd64": MINE}}, there=kept)
    for _ in range(2):
        assert publish() == f"{SERVER}/shop@{digest_of(MINE)}"
    suffixed = f"{SERVER}/shop:v1-{id_of(MINE)[7:15]}"
    assert engine["there"] == {**kept, suffixed: {"amd64": MINE}}
    assert len(engine.called("push")) == 1
    assert engine["here"] == {"shop:v1": {"amd64": MINE}}


def test_an_image_that_has_its_name_in_the_registry_keeps_it_here(engine):
    name = f"{SERVER}/shop:v1"
    engine.has(here={name: {"amd64": MINE}}, there={name: {"amd64": THEIRS}})
    publish(name=name)
    assert engine["there"][name] == {"amd64": THEIRS}


ABSENT = [
    "manifest for registry.example/acme/shop:v1 not found: manifest unknown: manifest unknown",
    "repository registry.example/acme/shop not found: name unknown: no such repository",
    "pull access denied for acme/shop, repository does not exist or may require 'docker login'",
    'failed to resolve reference "registry.example/acme/shop:v1": registry.example/acme/shop:v1: not found',
]


@pytest.mark.parametrize("said", ABSENT)
def test_a_missing_tag_is_no_error(engine, monkeypatch, said):
    monkeypatch.setenv("ABSENT", said)
    engine.has(here={"shop:v1": {"amd64": MINE}})
    publish()
    assert len(engine.called("push")) == 1


SILENT = [
    "Get https://registry.example/v2/: dial tcp 192.0.2.7:443: connect: connection refused",
    "Get https://registry.example/v2/: x509: certificate signed by unknown authority",
    "received unexpected HTTP status: 503 Service Unavailable",
    "unauthorized: authentication required",
]


@pytest.mark.parametrize("said", SILENT)
def test_a_registry_that_does_not_answer_does_not_pass_for_an_empty_one(engine, monkeypatch, said):
    monkeypatch.setenv("ABSENT", said)
    engine.has(here={"shop:v1": {"amd64": MINE}})
    with pytest.raises(CommandFailed, match=r"could not be pushed to registry\.example"):
        publish()
    assert engine.called("push") == []


@pytest.mark.parametrize("server", ["docker.io/acme", "index.docker.io/acme"])
def test_the_engine_lists_what_is_on_docker_hub_without_its_host(engine, server):
    engine.has(here={"shop:v1": {"amd64": MINE}})
    assert publish(server) == f"{server}/shop@{digest_of(MINE)}"


@pytest.fixture
def tree(engine, monkeypatch, tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], check=True)
    return folder


def deploy(*, machine="x86_64", publishing=True, **more):
    """What a deploy to `machine` comes to: the image, and its name in the registry."""
    chosen = load()
    request = Request(**more)
    version = versions.settle(chosen.build, request.version, fresh=request.fresh)
    with Progress("test") as progress:
        service = describe(chosen)
        made = material.obtain_image(service, progress, version, request, {"web1": machine})
    return made, publication.publish(chosen, made)


def elsewhere(engine):
    """Another machine: what registries have, and nothing here."""
    engine.has(there=engine["there"])
    engine.calls.write_text("")


def test_a_commit_is_built_once_whichever_machine_deploys_it(tree, engine):
    built, first = deploy()
    elsewhere(engine)
    found, second = deploy()
    assert (found.id, second) == (built.id, first)
    assert found.reference == built.reference
    assert engine.called("build ") == engine.called("push") == []
    assert len(engine.called("pull")) == 1
    assert material.found(found) == ", not built: the registry has it"
    assert material.found(built) == ""
    assert list(engine["here"]) == [built.reference]


def test_what_this_machine_built_of_it_meanwhile_gives_way(tree, engine):
    built, first = deploy()
    clone = {**engine["here"][built.reference]["amd64"], "built": "here"}
    engine.has(here={built.reference: {"amd64": clone}}, there=engine["there"])
    found, second = deploy()
    assert (found.id, second) == (built.id, first)
    assert found.reference == f"{built.reference}-{built.id[7:15]}", "a tag never moves here either"


def test_other_inputs_are_another_image_beside_it(tree, engine):
    tag = f"{SERVER}/{deploy()[0].reference}"
    engine.has(there={tag: {"amd64": THEIRS}})
    made, _ = deploy()
    assert set(engine["there"]) == {tag, f"{tag}-{made.id[7:15]}"}
    assert engine["there"][tag] == {"amd64": THEIRS}


@pytest.mark.parametrize("why", ["changed", "fresh", "pull"])
def test_only_a_commit_as_it_is_from_the_cache_is_looked_up(tree, engine, why):
    deploy(version="v1")
    elsewhere(engine)
    if why == "changed":
        (tree / "new").touch()
    deploy(version="v1", fresh=why == "fresh", pull=why == "pull")
    lines = engine.calls.read_text().splitlines()
    (build,) = [at for at, line in enumerate(lines) if line.startswith("build ")]
    assert not [line for line in lines[:build] if line.startswith("pull")]


def test_an_image_of_another_kind_is_not_taken_for_it(tree, engine):
    built, _ = deploy()
    ((tag, kinds),) = engine["there"].items()
    engine.has(there={tag: {"arm64": kinds["amd64"]}})
    made, _ = deploy()
    assert made.architecture == "amd64"
    assert len(engine.called("build ")) == 2
