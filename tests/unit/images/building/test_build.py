"""When an image is built, and when it is there already, with a program in the place of docker."""

import sys

import pytest

from edgepaas_tasks.images.building import build as builds
from edgepaas_tasks.images.building import version as versions
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.settings import Build

# Every build makes another image, as one whose labels have the time does.
PROGRAM = f"""#!{sys.executable}
import fnmatch, json, os, sys
path, words = os.environ["STATE"], sys.argv[1:]
state = json.load(open(path)) if os.path.exists(path) else {{"built": 0, "tags": {{}}}}
tags = state["tags"]
label = "edgepaas.inputs="
if words[0] == "build":
    state["built"] += 1
    inputs = next(one for one in words if one.startswith(label)).removeprefix(label)
    tags[words[2]] = [f"sha256:{{state['built']:08}}", inputs]
elif words[0] == "tag":
    tags[words[2]] = next(one for one in tags.values() if one[0] == words[1])
elif words[0] == "rmi":
    del tags[words[1]]
elif words[:2] == ["image", "inspect"]:
    identifier, inputs = tags.get(words[-1]) or sys.exit(1)
    print(1000, "amd64", "overlay2", inputs, identifier + " sha256:a", "{{}}", sep="\\n")
elif words[0] == "images":
    wanted = dict(words[at + 1].split("=", 1) for at, one in enumerate(words) if one == "--filter")
    for name, (_, inputs) in tags.items():
        if fnmatch.fnmatch(name, wanted["reference"]) and label + inputs == wanted["label"]:
            print(name)
else:
    sys.exit(1)
json.dump(state, open(path, "w"))
"""


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Builds the app under the version v1; the tag, and whether it was built."""
    (tmp_path / "docker").write_text(PROGRAM)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("STATE", str(tmp_path / "state"))
    monkeypatch.delenv("DOCKER_DEFAULT_PLATFORM", raising=False)
    app = tmp_path / "app"
    (app / "empty").mkdir(parents=True)
    for name in ("main.py", "Dockerfile", ".dockerignore"):
        (app / name).touch(0o644)
    (app / ".dockerignore").write_text("Dockerfile\n.dockerignore\n*.log\n")

    def make(platform="", **more):
        settings = Build(context=str(app), **more)
        said = []
        version = versions.settle(settings, "v1")
        made = builds.build(settings, "shop", version, platform=platform, say=said.append)
        return made.reference.removeprefix("shop:"), said != ["it is built already"]

    return make


CHANGES = {
    "a mode that git does not know": lambda app: (app / "main.py").chmod(0o600),
    "a directory's mode": lambda app: (app / "empty").chmod(0o700),
    "an empty directory": lambda app: (app / "more").mkdir(),
    "a Dockerfile that is not sent": lambda app: (app / "Dockerfile").write_text("FROM x"),
    "a link": lambda app: (app / "link").symlink_to("main.py"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_docker_sends_otherwise_is_built_anew(make, tmp_path, change):
    assert make() == ("v1", True)
    assert make() == ("v1", False)
    change(tmp_path / "app")
    assert make() == ("v1-00000002", True)


def test_what_is_not_sent_is_no_reason_to_build(make, tmp_path):
    make()
    app = tmp_path / "app"
    (app / "x.log").touch()
    (app / "__pycache__").mkdir()
    (app / "Dockerfile").chmod(0o600)
    app.chmod(0o700)
    assert make() == ("v1", False)


def test_platform_and_arguments_are_part_of_an_image(make, tmp_path, monkeypatch):
    make()
    assert make(args={"A": "b"}) == ("v1-00000002", True)
    assert make("linux/arm64") == ("v1-00000003", True)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/arm64")
    assert make() == ("v1-00000003", False)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/386")
    assert make() == ("v1-00000004", True)


def test_an_image_whose_tag_has_a_part_of_its_digest_is_found_again(make, tmp_path):
    main = tmp_path / "app" / "main.py"
    assert make() == ("v1", True)
    main.write_text("2\n")
    assert make() == ("v1-00000002", True)
    assert make() == ("v1-00000002", False)
    main.write_text("")
    assert make() == ("v1", False)


PIP = """#1 building
#2 1.0 gcc -c hello.c
#2 1.1 hello.c:1:10: fatal error: Python.h: No such file or directory
#2 1.2 compilation terminated.
"""


def test_the_first_errors_of_a_build_are_shown_beside_its_end(tmp_path, monkeypatch):
    said = PIP + "".join(f"#2 2.{n} a line of pip\n" for n in range(60)) + "ERROR: exit code: 1\n"
    (tmp_path / "said").write_text(said)
    (tmp_path / "docker").write_text(
        f"#!/bin/sh\ncase $1 in build) cat {tmp_path}/said; exit 1 ;; *) exit 1 ;; esac\n"
    )
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    settings = Build(context=str(tmp_path / "app"))
    with pytest.raises(CommandFailed) as raised:
        builds.build(settings, "shop", versions.settle(settings, "v1"))
    lines = raised.value.got.splitlines()
    assert lines[0] == "#2 1.1 hello.c:1:10: fatal error: Python.h: No such file or directory"
    assert lines[1] == "..."
    assert lines[-1] == "ERROR: exit code: 1"
    assert raised.value.log == said.rstrip()
