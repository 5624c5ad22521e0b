"""A registry's login: from a declared variable, on stdin, in a folder that is gone afterwards."""

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.env.values.secret import Secret
from edgepaas_tasks.errors import SettingsError
from edgepaas_tasks.images.shipping import login as logins
from edgepaas_tasks.images.shipping import publish as publication
from edgepaas_tasks.images.shipping.login import Login
from edgepaas_tasks.remote.errors import CommandFailed

DOCKER = """#!/bin/sh
echo "$*" >>"$CALLS"
[ "$1" = login ] && { cat >"$DOCKER_CONFIG/stdin"; exit "${LOGIN:-0}"; }
exit 0
"""


@pytest.fixture(autouse=True)
def docker(monkeypatch, tmp_path):
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    theirs = tmp_path / "theirs"
    (theirs / "contexts").mkdir(parents=True)
    kept = {"currentContext": "away", "credsStore": "desktop", "auths": {"a": {"auth": "b"}}}
    (theirs / "config.json").write_text(json.dumps(kept))
    monkeypatch.setenv("DOCKER_CONFIG", str(theirs))
    monkeypatch.chdir(tmp_path)


def load(**image):
    tree = {"app": "shop", "image": image, "environments": {"test": {}}}
    return settings.load(tree, "test")


def test_a_login_is_on_stdin_and_gone_afterwards(tmp_path):
    with logins.logged_in(Login("reg.example", "me", Secret("hush"))) as environment:
        folder = Path(environment["DOCKER_CONFIG"])
        assert (folder / "stdin").read_text() == "hush"
        config = folder / "config.json"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        assert json.loads(config.read_text()) == {"currentContext": "away"}, "no store keeps it"
        assert (folder / "contexts").is_dir()
    assert not folder.exists()
    calls = (tmp_path / "calls").read_text()
    assert calls == "login --username me --password-stdin reg.example\n"


def test_a_login_that_fails_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("LOGIN", "1")
    # Others of this machine log in too.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with (
        pytest.raises(CommandFailed),
        logins.logged_in(Login("reg.example", "me", Secret("hush"))),
    ):
        pass
    assert "login" in (tmp_path / "calls").read_text()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_without_a_user_the_engines_own_logins_are_used():
    assert logins.login(load(), "reg.example") is None
    with logins.logged_in(None) as environment:
        assert environment is os.environ


def test_the_password_is_the_variable_that_the_settings_name(monkeypatch, tmp_path):
    chosen = load(username="me", password="REG_PASS", server="reg.example:5000/acme")
    with pytest.raises(SettingsError, match="REG_PASS"):
        logins.login(chosen, chosen.image.server)
    monkeypatch.setenv("REG_PASS", "from-the-environment")
    found = logins.login(chosen, chosen.image.server)
    assert (found.server, found.user) == ("reg.example:5000", "me")
    assert found.password.text() == "from-the-environment"
    assert "from-the" not in repr(found)
    (tmp_path / "secret").write_text("from-a-file\n")
    monkeypatch.delenv("REG_PASS")
    monkeypatch.setenv("REG_PASS_FILE", str(tmp_path / "secret"))
    assert logins.login(chosen, "reg.example").password.text() == "from-a-file"


HUB = ["docker.io/acme", "index.docker.io/acme"]


@pytest.mark.parametrize("server", HUB)
def test_a_login_to_docker_hub_is_one_to_its_canonical_server(monkeypatch, server):
    monkeypatch.setenv("REGISTRY_PASSWORD", "hush")
    chosen = load(transport="registry", server=server, username="me")
    assert logins.login(chosen, server).server == "docker.io"


@pytest.mark.parametrize("server", HUB)
@pytest.mark.parametrize("name", ["acme/shop:v1", "docker.io/acme/shop:v1"])
def test_an_image_on_docker_hub_is_fetched_with_its_login_however_it_is_written(
    monkeypatch, tmp_path, server, name
):
    monkeypatch.setenv("REGISTRY_PASSWORD", "hush")
    publication.fetch(load(server=server, username="me"), name)
    publication.fetch(load(server=server, username="me"), "other/shop:v1")
    assert (tmp_path / "calls").read_text().splitlines() == [
        "login --username me --password-stdin docker.io",
        f"pull --quiet {name}",
        "pull --quiet other/shop:v1",
    ]


@pytest.mark.parametrize("key", ["server", "push_server"])
def test_a_server_without_a_host_name_is_refused_with_what_to_write(key):
    given = {"server": "registry.example", key: "acme/team"}
    with pytest.raises(SettingsError, match=rf"edgepaas.image.{key}: .*docker.io/acme/team"):
        load(transport="registry", **given)
    for good in ("localhost/acme", "registry:5000", "registry.example/acme", "docker.io/acme"):
        load(transport="registry", **{**given, key: good})


def test_docker_hub_needs_an_account():
    with pytest.raises(SettingsError, match="write docker.io/ACCOUNT"):
        load(transport="registry", server="docker.io")


def test_a_registry_needs_a_server():
    with pytest.raises(SettingsError, match="say which, as server"):
        load(transport="registry")
