"""What a prune removes of what transfers left, under the real sh with a docker that has these images."""

import json
import time

import pytest

PART, OURS = "edgepaas.part=shop-prod", "edgepaas.image=shop"


@pytest.fixture
def prune(service, run, stubs):
    """Runs the script where docker has images with these labels; ids that `docker rmi` does not refuse go."""

    def prune(*spared, parts=(), ours=(), used="nothing"):
        said = {PART: " ".join(map(repr, parts)), OURS: " ".join(map(repr, ours))}
        cases = [f"*label={label}*) printf '%s\\n' {ids} ;;" for label, ids in said.items() if ids]
        stubs.add("docker", "\n".join(['case "$*" in', *cases, f'"rmi {used}") exit 1 ;;', "esac"]))
        words = (str(service), PART, OURS, *spared)
        return run("leftovers", *words, uses=("named",)).stdout.splitlines()

    return prune


def kept(base, number, image):
    """A release directory of the service at `base`, as a deploy writes it."""
    folder = base / "releases" / str(number)
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps({"image": image}, indent=1))


def lease(base, seconds):
    base.mkdir(exist_ok=True)
    (base / "lease").write_text(f"token\n{int(time.time()) + seconds}\n{{}}\n\n")


def test_parts_and_images_that_no_release_names_go(prune, service):
    kept(service, 1, "sha256:kept")
    assert prune(
        parts=["sha256:part <none>:<none>"],
        ours=["sha256:kept shop:v1", "sha256:pushed shop:v2"],
    ) == ["removed sha256:part", "removed shop:v2"]


def test_what_another_service_of_the_host_keeps_stays(prune, service):
    kept(service.parent / "shop-staging", 7, "sha256:theirs")
    assert prune(ours=["sha256:theirs shop:v1", "sha256:2 shop:v2"]) == ["removed shop:v2"]


def test_what_is_spared_or_in_use_stays(prune, stubs):
    ours = ["sha256:1 shop:v1", "sha256:2 shop:v2", "sha256:3 shop:v3"]
    assert prune("sha256:1", ours=ours, used="sha256:2") == ["removed shop:v3"]
    assert "docker rmi sha256:1" not in stubs.said
    assert "docker rmi sha256:2" in stubs.said, "never with --force"


def test_while_another_service_is_deployed_only_our_parts_go(prune, service):
    """It may have shipped an image that no release names yet."""
    lease(service, 60)
    assert prune(ours=["sha256:1 shop:v1"]) == ["removed shop:v1"], "the lease is ours"
    lease(service.parent / "shop-staging", -1)
    assert prune(ours=["sha256:1 shop:v1"]) == ["removed shop:v1"], "theirs has run out"
    lease(service.parent / "shop-staging", 60)
    assert prune(parts=["sha256:2 <none>:<none>"], ours=["sha256:1 shop:v1"]) == [
        "removed sha256:2",
        "left images that no release names: another service of this host is being deployed",
    ]


def test_nothing_left_is_nothing_removed(prune):
    assert prune() == []
