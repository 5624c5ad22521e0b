"""Builds by a real engine, with every Docker client of this machine: the classic builder here, BuildKit there."""

import json
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import build
from edgepaas_tasks.images.building import context as contexts
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.lab import images
from edgepaas_tasks.settings import Build

CLIENTS = sorted(
    {
        str(Path(folder, "docker").resolve().parent)
        for folder in os.environ["PATH"].split(":")
        if os.access(Path(folder, "docker"), os.X_OK)
    }
)


def docker(*words):
    done = subprocess.run(["docker", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(params=CLIENTS)
def client(request, monkeypatch, docker):
    path = [request.param, *(one for one in os.environ["PATH"].split(":") if one != request.param)]
    monkeypatch.setenv("PATH", ":".join(path))
    monkeypatch.delenv("BUILD_VERSION", raising=False)
    images.ensure("debian", print)


@pytest.fixture
def project(client, tmp_path):
    """A small image with a layer that says when it was made, under a name of its own."""
    (tmp_path / "app.py").write_text("1\n")
    name = f"edgepaas-test/{uuid.uuid4().hex[:8]}"
    # Its name is in the step too: of several layers that one step left in the cache BuildKit takes any.
    (tmp_path / "Dockerfile").write_text(
        f"FROM {images.PYTHON}\nRUN date +%s.%N >/made # {name}\nCOPY app.py /app.py\n"
    )
    yield tmp_path, name
    for found in docker("images", "-q", "--filter", f"label={build.OWNER}={name}").split():
        subprocess.run(["docker", "rmi", "-f", found], capture_output=True)


def make(project, asked="", **more):
    folder, name = project
    said = []
    settings = Build(context=str(folder), **more)
    version = versions.settle(settings, asked, fresh=not settings.cache)
    return build.build(settings, name, version, say=said.append), said


def made(found):
    return docker("run", "--rm", "--network", "none", found.reference, "cat", "/made")


def commit(folder):
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_one_commit_is_one_image_and_two_trees_are_two(project):
    folder, name = project
    commit(folder)
    first, said = make(project)
    assert len(said) > 1, "it was built"
    again, said = make(project)
    assert (again, said) == (first, ["it is built already"])

    docker("tag", first.id, f"{name}:other")
    docker("rmi", first.reference)
    cached, said = make(project)
    assert len(said) > 1
    assert cached.id == first.id, "the same commit from the cache is the same image"

    (folder / "app.py").write_text("2\n")
    changed, _ = make(project)
    assert changed.reference != first.reference
    assert changed.layers[:-1] == first.layers[:-1], "the layers below come from the cache"
    assert image.find(first.reference).id == first.id


def test_without_cache_every_layer_is_made_anew_under_a_tag_of_its_own(project):
    first, _ = make(project, cache=False)
    second, _ = make(project, cache=False)
    assert first.reference != second.reference
    assert made(first) != made(second)
    cached, _ = make(project)
    assert made(cached) in (made(first), made(second))


def test_a_tag_never_moves(project):
    folder, name = project
    first, _ = make(project, asked="v1")
    (folder / "app.py").write_text("2\n")
    second, _ = make(project, asked="v1")
    assert first.reference == f"{name}:v1"
    assert second.reference.startswith(f"{name}:v1-")
    assert image.find(f"{name}:v1").id == first.id
    assert docker("run", "--rm", second.reference, "cat", "/app.py") == "2"
    tags = docker("images", "--format", "{{.Tag}}", name).split()
    assert sorted(tags) == sorted(one.reference.partition(":")[2] for one in (first, second))


def test_an_image_says_what_it_is(project):
    folder, name = project
    commit(folder)
    found, _ = make(project)
    form = "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}\n{{end}}"
    labels = dict(
        line.split("=", 1)
        for line in docker("image", "inspect", "-f", form, found.reference).split("\n")
    )
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert labels["org.opencontainers.image.revision"] == head
    assert labels["org.opencontainers.image.version"] == head[:12]
    assert labels["org.opencontainers.image.created"].startswith("20")
    assert labels[build.OWNER] == name


def test_an_image_that_somebody_else_built_is_understood_too(client):
    found = image.find(images.PYTHON)
    assert all(len(layer) == len("sha256:") + 64 for layer in found.layers)
    assert (len(found.layers) > 1, found.inputs) == (True, "")


def test_an_image_gets_what_is_said_to_be_sent(project):
    folder, _ = project
    for name, mode in (("some", 0o755), ("some/empty", 0o755), ("whole", 0o711)):
        (folder / name).mkdir()
        (folder / name).chmod(mode)  # the classic builder gives 755 to what is let through in part
    for name, mode in (("private", 0o600), ("some/run", 0o755), ("some/held", 0o644), ("b", 0o644)):
        (folder / name).touch()
        (folder / name).chmod(mode)
    (folder / "link").symlink_to("app.py")
    (folder / ".dockerignore").write_text("some\n!some/run\n")
    (folder / "Dockerfile.dockerignore").write_text("some/held\nb\n")
    with (folder / "Dockerfile").open("a") as file:
        file.write("COPY . /sent\n")
    found, _ = make(project)
    told = docker(
        *("run", "--rm", "--network", "none", found.reference),
        *("find", "/sent", "-mindepth", "1", "-printf", "%P %m\n"),
    )
    context = contexts.read(Build(context=str(folder)))
    assert context.sends("b") == (image.buildkit().get("DOCKER_BUILDKIT") == "0")
    assert sorted(told.splitlines()) == sorted(
        f"{path} {entry.stat(follow_symlinks=False).st_mode & 0o7777:o}"
        for path, entry in context.entries()
    )


def test_a_build_that_fails_leaves_no_tag(project):
    folder, name = project
    (folder / "Dockerfile").write_text(f"FROM {images.PYTHON}\nRUN false\n")
    with pytest.raises(build.CommandFailed, match="docker build failed"):
        make(project)
    assert docker("images", "-q", name) == ""


def kept(name):
    """Megabytes of BuildKit's cache that a project's steps left, and that no image has too."""
    units = {"B": 1e-6, "kB": 1e-3, "MB": 1, "GB": 1e3, "TB": 1e6}
    found = 0.0
    for one in json.loads(docker("system", "df", "-v", "--format", "{{json .BuildCache}}")):
        if name in one["Description"] and one["Shared"] == "false":
            number, unit = re.fullmatch(r"([0-9.]+)([kMGT]?B)", one["Size"]).groups()
            found += float(number) * units[unit]
    return found


def test_the_cache_is_cut_down_to_its_size(project):
    if image.buildkit().get("DOCKER_BUILDKIT") == "0":
        pytest.skip("the classic builder has no cache but images")
    folder, name = project
    step = "RUN head -c 20000000 /dev/urandom"

    def another(number, cache_size):
        (folder / "Dockerfile").write_text(
            f"FROM {images.PYTHON}\n{step} >/noise-{number} # {name}\n"
        )
        make(project, f"n{number}", cache_size=cache_size)

    for number in range(3):
        another(number, "")
        docker("rmi", f"{name}:n{number}")
    assert kept(name) >= 60
    another(3, "30m")
    assert kept(name) <= 30


def test_buildkit_is_used_where_client_and_engine_have_it(client):
    plugin = subprocess.run(["docker", "buildx", "version"], capture_output=True).returncode == 0
    major = int(docker("version", "-f", "{{.Client.Version}}").split(".")[0])
    expected = None if plugin else "1" if major < 23 else "0"
    assert image.buildkit().get("DOCKER_BUILDKIT") == expected
    assert shutil.which("docker")
