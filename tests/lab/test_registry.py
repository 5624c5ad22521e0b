"""A real registry, over TLS and with a login, between this machine and a host."""

import json
import subprocess

import pytest

from edgepaas_tasks.images import image
from edgepaas_tasks.lab import lifecycle, registry


@pytest.fixture(scope="module")
def server(ready):
    state = lifecycle.up(ready.folder / ".lab", lifecycle.Wanted(registry=True), print)
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
    assert "it cannot be pulled" in missing.stderr


def tags(server, repository):
    """The digest that each tag names, read from the registry's disk."""
    folder = (
        f"/var/lib/lab-registry/images/docker/registry/v2/repositories/{repository}/_manifests/tags"
    )
    text = f'cd {folder} && for tag in *; do echo "$tag $(cat $tag/current/link)"; done'
    words = ("docker", "exec", server.container, "sh", "-c", text)
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines())


def commit(folder):
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()[:12]


SECOND = {
    "lab": {"folder": ".lab"},
    "slots": {"blue": 8091, "green": 8092},
    "nginx": {"listen": 8090},
}


@pytest.fixture
def second(through):
    """Another environment of the project, on the same host."""
    tree = json.loads((through.folder / "invoke.yaml").read_text())["edgepaas"]
    tree["environments"]["second"] = SECOND
    through.settings(tree)
    through.inv("setup", "--env", "second")
    yield tree
    through.host.run(
        "docker ps -aq --filter name=guestbook-second | xargs -r docker rm -f; "
        "rm -rf /opt/edgepaas/guestbook-second /etc/nginx/conf.d/*guestbook-second*; systemctl reload nginx"
    )


def test_a_commit_is_built_once_for_every_machine_and_environment(through, second, server):
    project = through
    project.change("# once")
    version = commit(project.app)
    first = project.deploy(REG_PASS=server.password)
    assert "the registry has it" not in first.stderr
    repository = f"acme/{project.image}"
    digest = tags(server, repository)[version]

    built = image.find(f"{project.image}:{version}")
    subprocess.run(["docker", "rmi", "-f", built.id], check=True, capture_output=True)
    again = project.inv("deploy", "--env", "second", REG_PASS=server.password)
    assert "not built: the registry has it" in again.stderr
    assert image.find(f"{project.image}:{version}").id == built.id
    assert tags(server, repository)[version] == digest
    running = "docker inspect -f '{{.Image}}' $(docker ps -q --filter name=guestbook-%s-)"
    assert project.host.run(running % "lab") == project.host.run(running % "second") == built.id

    second["build"]["args"]["OTHER"] = "1"
    project.settings(second)
    project.deploy(REG_PASS=server.password)
    assert project.host.run(running % "lab") != built.id
    now = tags(server, repository)
    assert now[version] == digest, "a tag never moves"
    assert len({one for one in now if one.startswith(version)}) == 2
