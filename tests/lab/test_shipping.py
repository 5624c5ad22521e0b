"""An image on its way to a real host: what travels, what stays when the connection ends, and the other ways."""

import json
import os
import re
import shlex
import subprocess
import time
from dataclasses import replace

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.images import image
from edgepaas_tasks.images.shipping import archive
from edgepaas_tasks.images.shipping.content import exported
from edgepaas_tasks.lab import images
from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.machine import docker
from edgepaas_tasks.service import inventory, service

MB = 1_000_000
BALLAST = "RUN head -c {size} /dev/urandom >/ballast-{name}\nENV PYTHONUNBUFFERED"


def ballast(project, *sizes):
    """Layers of bytes that nothing makes smaller, right above the base: every layer above them is another one too."""
    dockerfile = project.app / "Dockerfile"
    text = dockerfile.read_text()
    for number, size in enumerate(sizes):
        line = BALLAST.format(size=size, name=f"{number}-{time.time_ns()}")
        text = text.replace("USER 10001", f"{line.splitlines()[0]}\nUSER 10001")
    dockerfile.write_text(text)


def received(project):
    return int(project.host.run("cat /sys/class/net/eth0/statistics/rx_bytes"))


def shipped(done):
    """Megabytes that a deploy says it sent."""
    return float(re.search(r"ship +[0-9.]+ s +([0-9.]+) of ", done.stderr)[1])


def parts(project):
    return project.host.run("docker images -q --filter label=edgepaas.part").split()


def test_a_change_of_code_sends_the_changed_layers_and_little_else(project):
    ballast(project, 40 * MB)
    project.deploy("--version", "small-before")
    assert image.find(f"{project.image}:small-before").size >= 300 * MB
    ballast(project, 3 * MB)
    before = received(project)
    done = project.deploy("--version", "small-after")
    came = received(project) - before
    print(f"3.0 MB changed, {shipped(done)} MB sent, {came / MB:.2f} MB received")
    assert 3 <= shipped(done) < 3 * 1.2
    assert came < 3 * MB * 1.2, "as the host's network counts it, with all of SSH's own"
    assert project.get()["version"] == "small-after"


def test_a_connection_that_is_cut_breaks_nothing_and_what_arrived_is_not_sent_again(project):
    project.deploy("--version", "whole")
    release = project.status()[0]["release"]
    ballast(project, 20 * MB, 20 * MB, 40 * MB)
    process = project.start("deploy", "--env", "lab", "--version", "cut")
    while not parts(project):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    project.host.run("pkill -KILL -f '[s]shd: ec2-user' || :")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    assert "connection" in err
    status = project.status()[0]
    assert (status["release"], status["health"]["ok"]) == (release, True)

    done = project.deploy("--version", "cut")
    print(f"80 MB to send, {shipped(done)} MB after the cut")
    assert shipped(done) < 63, "the first part was there"
    assert project.get()["version"] == "cut"
    assert parts(project) == []


@pytest.fixture
def host(project, monkeypatch):
    """The project's host as the product sees it."""
    monkeypatch.chdir(project.folder)
    tree = {"app": "guestbook", "environments": {"lab": {"lab": {"folder": ".lab"}}}}
    of = service.describe(settings.load(tree, "lab"))
    (found,) = inventory.connect(of.settings, dry_run=False, observe=None)
    yield found
    found.close()


def test_a_stream_that_is_corrupted_on_its_way_is_no_image(project, host):
    ballast(project, 1 * MB)
    said = project.inv("docker.build", "--env", "lab", "--version", "corrupted").stdout
    here = image.find(said.split()[0])
    told = host.ask(docker.images())
    shared = docker.shared_layers(here.layers, told.values())
    assert 0 < shared < len(here.layers), "only the base is there"
    with exported(here, here.layers[:shared]) as taken:
        whole = b"".join(archive.framed(archive.parts(taken, shared, {})))
        command = docker.load(taken.id, here.reference, "guestbook-lab")
        other = replace(taken, config=taken.config.replace(b"=8000", b"=8001"))
        foreign = b"".join(archive.framed(archive.parts(other, shared, {})))
        for wrong, said in (
            (flipped(whole), None),
            (whole[: len(whole) // 2], None),
            (foreign, f"what came is not image {here.id}"),
            (whole[: -len(b"0\n")], "the connection ended before the whole image was here"),
        ):
            with pytest.raises(RemoteError, match=said):
                host.stream([wrong], command)
        (answer,) = host.stream([whole], command)
    assert docker.parse_image(answer.text) == (here.id, here.content)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_an_image_with_another_configuration_and_no_other_layer_is_another_release(project):
    """As builds that make the same bytes again have it: not even the time tells them apart."""
    form = "{{.Image}} {{.Config.Env}}"
    running = f"docker inspect --format '{form}' $(docker ps -q --filter label=edgepaas.service)"
    live, _, values = project.host.run(running).partition(" ")
    assert "CONFIGURED" not in values
    here = image.find(live)
    with exported(here, here.layers) as taken:
        other = json.loads(taken.config)
        other["config"]["Env"].append("CONFIGURED=anew")
        text = json.dumps(other).encode()
        theirs = replace(here, reference=f"{project.image}:theirs")
        # docker takes layers that it has for granted.
        (part,) = archive.parts(
            replace(taken, image=theirs, config=text), len(here.layers), {}, whole=True
        )
    subprocess.run(["docker", "load", "-q"], input=b"".join(part.chunks()), check=True)
    assert image.find(theirs.reference).layers == here.layers
    done = project.deploy("--image", theirs.reference, "--version", "theirs")
    assert "every host has the image" not in done.stderr
    assert shipped(done) < 0.1
    assert "CONFIGURED=anew" in project.host.run(running)
    assert project.get()["version"] == "theirs"


def test_a_prune_removes_what_no_release_came_to_need(project):
    run = project.host.run
    running = "$(docker ps -q --filter label=edgepaas.service)"

    def left(number, *name, label="left"):
        """An image of ours that is none of a release."""
        commit = f'docker commit --pause=false --change "LABEL $1=$2" {running} ${{3-}}'
        return run(commit, label, str(number), *name)

    part = left("guestbook-lab", label=docker.PART)
    pushed = left(1, f"{project.image}:pushed")
    used, named, kept = left(2), left(3, f"{project.image}:mine"), left(4)
    run("docker create --name uses-it $1 true; docker tag $2 somebody/else:mine", used, named)
    other = "/opt/edgepaas/other-lab"
    run(
        'mkdir -p $1/releases/1; echo "{\\"image\\": \\"$2\\"}" >$1/releases/1/release.json',
        other,
        kept,
    )
    live = run(f"docker inspect --format '{{{{.Image}}}}' {running}")
    try:
        said = project.inv("docker.prune", "--env", "lab").stdout
        assert {f"{project.image}:pushed", part} <= set(re.findall(r"removed (\S+)", said))
        there = set(run("docker images -q --no-trunc").split())
        assert {live, used, named, kept} <= there
        assert not {part, pushed} & there
        assert project.get()["version"]
    finally:
        run("docker rm uses-it; docker rmi $1 somebody/else:mine $2; rm -r $3", used, kept, other)


WRAPPER = r"""#!/bin/sh
# A docker whose engine keeps images in a store that takes no partial ones.
echo "$*" >>/run/docker-calls
case "$1 $2" in
"info --format") /usr/bin/docker "$@" | sed 's/^docker_store=.*/docker_store=overlayfs/' ;;
"load -q") if [ -e /run/no-load ]; then echo 'layer not found' >&2; exit 1; fi; exec /usr/bin/docker "$@" ;;
*) exec /usr/bin/docker "$@" ;;
esac
"""


@pytest.fixture
def other_store(project):
    project.host.run(
        'printf %s "$1" >/usr/local/bin/docker; chmod 755 /usr/local/bin/docker', WRAPPER
    )
    project.host.run("touch /run/no-load; : >/run/docker-calls")
    yield project
    project.host.run("rm -f /usr/local/bin/docker /run/no-load /run/docker-calls")


def test_a_store_that_takes_no_partial_image_pulls_through_the_connection(other_store):
    project = other_store
    ballast(project, 2 * MB)
    first = project.deploy("--version", "pulled")
    assert project.get()["version"] == "pulled"
    ballast(project, 2 * MB)
    before = received(project)
    second = project.deploy("--version", "pulled-again")
    assert project.get()["version"] == "pulled-again"
    calls = project.host.run("cat /run/docker-calls")
    assert len(re.findall(r"^pull -q 127\.0\.0\.1:\d+/", calls, re.M)) >= 2
    assert "load" not in calls
    print(f"{shipped(first)} MB, then {shipped(second)} MB; {(received(project) - before) / MB} MB")
    assert 2 <= shipped(second) < 2.4
    assert "127.0.0.1" not in project.host.run("docker images --digests"), "no trace of the way"


def test_the_whole_image_goes_where_sshd_forwards_no_port(other_store):
    project = other_store
    project.host.run(
        "rm /run/no-load; echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/a.conf; systemctl restart ssh"
    )
    try:
        project.change("# without forwarding")
        done = project.deploy("--version", "unforwarded")
        assert project.get()["version"] == "unforwarded"
        assert "load -q" in project.host.run("cat /run/docker-calls")
        assert shipped(done) > 20
    finally:
        project.host.run("rm /etc/ssh/sshd_config.d/a.conf; systemctl restart ssh")


@pytest.mark.skipif(not os.environ.get("EDGEPAAS_SOAK"), reason="a long form: EDGEPAAS_SOAK=1")
def test_a_first_push_is_no_slower_than_save_gzip_and_load(project, host):
    """Side by side, each with an image of 300 MB that the host has never seen: layers of programs, and of noise."""
    seconds = {"ours": [], "save | gzip | ssh load": []}
    at = project.host.host
    login = shlex.join(
        [
            *(
                "ssh",
                "-i",
                at.key,
                "-p",
                str(at.port),
                "-o",
                f"UserKnownHostsFile={at.known_hosts}",
            ),
            *("-o", "BatchMode=yes", f"{at.user}@{at.address}", "sudo docker load"),
        ]
    )
    for number in range(3):
        for way, times in seconds.items():
            name = f"first-{number}-{'ours' if way == 'ours' else 'theirs'}"
            dockerfile = f"FROM {images.PYTHON}\nRUN cp -r /usr /again-{time.time_ns()}\n"
            dockerfile += f"RUN head -c 40000000 /dev/urandom >/noise-{time.time_ns()}\n"
            (project.app / "Dockerfile").write_text(dockerfile)
            project.host.run("docker rm -f $(docker ps -aq) 2>/dev/null; docker image prune -af; :")
            said = project.inv(
                "docker.build", "--env", "lab", "--version", name, "--no-cache"
            ).stdout
            reference = said.split()[0]
            begun = time.monotonic()
            if way == "ours":
                project.inv("docker.push", "--env", "lab", "--image", reference)
            else:
                words = f"set -o pipefail; docker save {reference} | gzip | {login}"
                subprocess.run(["bash", "-c", words], check=True, capture_output=True)
            times.append(time.monotonic() - begun)
            assert project.host.run('docker images -q "$1"', reference)
    for way, times in seconds.items():
        print(f"{way}: {', '.join(f'{one:.1f}' for one in times)} s")
    print(f"{image.find(reference).size / MB:.0f} MB")
    assert sorted(seconds["ours"])[1] < sorted(seconds["save | gzip | ssh load"])[1]
