"""A real registry, over TLS and with a login, between this machine and a host."""

import subprocess

import pytest

from edgepaas_tasks.images import image
from edgepaas_tasks.lab import lifecycle, registry


@pytest.fixture(scope="module")
def server(ready):
    state = lifecycle.up(ready.folder / ".lab", len(ready.hosts), print, registry=True)
    return registry.find(state)


@pytest.fixture
def through(project, server):
    """The project with its images in the registry."""
    project.configure(
        image={
            "transport": "registry",
            "server": f"{server.server}/acme",
            "push_server": f"{server.push_server}/acme",
            "username": server.user,
            "password": "REG_PASS",
        }
    )
    return project


def left_behind(project):
    """What a login may leave: on this machine in the user's configuration, on the host in root's and in /tmp."""
    here = list(project.folder.rglob("config.json"))
    there = project.host.run("ls /root/.docker/config.json 2>/dev/null; grep -rl auths /tmp || :")
    return [*map(str, here), *there.split()]


def test_an_image_is_pushed_and_pulled_by_its_digest_with_a_login_that_nobody_keeps(
    through, server
):
    project = through
    project.change("# through the registry")
    done = project.deploy("--version", "registered", REG_PASS=server.password)
    assert "hosts pulled" in done.stderr
    assert project.get()["version"] == "registered"
    assert f"acme/{project.image}" in server.repositories()
    assert f"GET /v2/acme/{project.image}/manifests/sha256:" in server.log()
    assert left_behind(project) == []
    assert server.password not in done.stdout + done.stderr
    names = project.host.run("docker images --format '{{.Repository}}:{{.Tag}}'").split()
    assert f"{project.image}:registered" in names
    assert not [name for name in names if name.startswith("registry.lab.test")]


def test_a_wrong_password_stops_before_any_host_is_changed(through):
    project = through
    before = project.status()[0]
    picture = project.host.picture()
    project.change("# never arrives")
    done = project.deploy("--version", "unregistered", code=1, REG_PASS="wrong")
    assert "could not be pushed" in done.stderr or "docker failed" in done.stderr
    assert "401" in done.stderr or "unauthorized" in done.stderr
    assert project.status()[0]["release"] == before["release"]
    assert project.host.leases() == ""
    assert left_behind(project) == []
    changed = set(project.host.picture().splitlines()) ^ set(picture.splitlines())
    assert [line for line in changed if "history" not in line] == []
    none = project.deploy("--version", "unregistered", code=2)
    assert "REG_PASS (image.password) has no value" in none.stderr


def test_an_image_that_somebody_else_built_is_fetched_and_deployed(through, server):
    project = through
    project.change("# somebody else's")
    built = project.inv("docker.build", "--env", "lab", "--version", "theirs").stdout.split()[0]
    target = f"{server.push_server}/acme/guestbook:theirs"
    login = ("docker", "login", "-u", server.user, "--password-stdin", server.push_server)
    config = {
        "DOCKER_CONFIG": str(project.folder / "theirs"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    for words in (login, ("docker", "tag", built, target), ("docker", "push", "-q", target)):
        subprocess.run(
            words, input=server.password, env=config, check=True, capture_output=True, text=True
        )
    (project.folder / "theirs" / "config.json").unlink()
    subprocess.run(["docker", "rmi", built, target], check=True, capture_output=True)
    project.configure(image={"server": f"{server.push_server}/acme", "username": server.user})
    project.deploy("--image", target, "--version", "theirs", REGISTRY_PASSWORD=server.password)
    assert project.get()["version"] == "theirs"
    assert image.look(target) is not None
    missing = project.deploy("--image", "127.0.0.1:1/nothing:1", code=1)
    assert "it can not be pulled" in missing.stderr
