"""The scripts that take an image, under the real sh with a docker that only listens."""

import base64
import gzip
import os
from dataclasses import replace

import pytest

from edgepaas_tasks.remote.command import script

LABEL = "edgepaas.part=shop"


def framed(*parts):
    return b"".join(f"{len(part)}\n".encode() + part for part in parts)


def docker(stubs, missing="nothing is"):
    stubs.add(
        "docker",
        f"""case "$1" in
load) cat >>{stubs.folder}/loaded; echo . >>{stubs.folder}/loaded ;;
images) case "$*" in *filter*) echo part1; echo part2 ;; *) echo known ;; esac ;;
image) case "$*" in *"{missing}"*) exit 1 ;; *--format*) echo "sha256:1 mark sha256:a" ;; esac ;;
login) cat >"$DOCKER_CONFIG/config.json"; stat -c %a "$DOCKER_CONFIG"; echo "$DOCKER_CONFIG" >{stubs.folder}/config ;;
esac""",
    )


@pytest.fixture
def load(run, stubs):
    def load(data, codes=(0,), image="sha256:1"):
        command = script("load", image=image, name="shop:v1", label=LABEL, form="FORM").allow(
            *codes
        )
        (result,) = run.host.stream([data], command)
        return replace(result)

    return load


def test_each_part_is_loaded_by_itself_and_the_parts_go_in_the_end(load, stubs):
    docker(stubs)
    result = load(framed(b"one\n2\n", b"two\0") + b"0\n")
    assert (stubs.folder / "loaded").read_bytes() == b"one\n2\n.\ntwo\0.\n"
    assert result.text == "sha256:1 mark sha256:a"
    assert stubs.said[-4:] == [
        "docker tag sha256:1 shop:v1",
        f"docker images --quiet --no-trunc --filter label={LABEL}",
        "docker rmi part1 part2",
        "docker image inspect --format FORM sha256:1",
    ]


@pytest.mark.parametrize("data", [b"", framed(b"one"), b"junk\n"])
def test_a_stream_that_ends_too_early_is_a_failure_and_parts_stay(load, stubs, data):
    docker(stubs)
    assert load(data, (1, 2, 51)).code != 0
    assert not [line for line in stubs.said if line.startswith(("docker tag", "docker rmi"))]


def test_another_image_than_was_meant_gets_no_name(load, stubs):
    docker(stubs, missing="inspect sha256:1")
    result = load(framed(b"one") + b"0\n", (50,))
    assert "what came is not image sha256:1" in result.stderr
    assert not [line for line in stubs.said if line.startswith(("docker tag", "docker rmi"))]
    assert result.stdout == ""


def test_a_store_that_calls_the_image_otherwise_is_asked_for_its_name(load, stubs):
    docker(stubs)
    load(framed(b"one") + b"0\n", image="")
    assert stubs.said[-1] == "docker image inspect --format FORM shop:v1"
    assert not [line for line in stubs.said if line.startswith("docker tag")]


def test_all_images_of_a_host_are_told_packed(run, stubs):
    stubs.add(
        "docker",
        'case "$1" in images) echo 2; echo 1; echo 2 ;; image) shift 4; printf "%s\\n" "$@" ;; esac',
    )
    assert gzip.decompress(base64.b64decode(run("images", "FORM").stdout)) == b"1\n2\n"
    assert stubs.said[-1] == "docker image inspect --format FORM 1 2"
    stubs.add("docker", "exit 1")
    assert run("images", "FORM").stdout == "", "no engine, no images"


LOGIN = {"name": "shop:v1", "form": "FORM", "server": "r.test", "user": "me"}


def test_a_login_leaves_nothing_behind(run, stubs):
    docker(stubs)
    result = run("pull", source="r.test/x@sha256:2", **LOGIN, stdin=b"pa$$word")
    assert result.text == "sha256:1 mark sha256:a"
    folder = (stubs.folder / "config").read_text().strip()
    assert not os.path.exists(folder)
    assert stubs.said[0] == "docker login --username me --password-stdin r.test"
    assert "pa$$word" not in "".join(stubs.said)


def test_without_credentials_nobody_logs_in(run, stubs):
    docker(stubs)
    run("pull", source="127.0.0.1:5/x@sha256:2", **{**LOGIN, "server": "", "user": ""})
    assert not [line for line in stubs.said if "login" in line]
    assert "docker rmi 127.0.0.1:5/x@sha256:2" in stubs.said


def test_a_pull_that_fails_leaves_no_login_behind(run, stubs):
    stubs.add(
        "docker",
        f'case "$1" in login) echo "$DOCKER_CONFIG" >{stubs.folder}/config ;; pull) exit 1 ;; esac',
    )
    run("pull", source="r.test/x@sha256:2", **LOGIN, stdin=b"x", codes=(1,))
    assert not os.path.exists((stubs.folder / "config").read_text().strip())
