"""Each system by its own os-release: the row it leads to, and what would be installed from where."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgepaas_tasks.remote.command import script
from edgepaas_tasks.remote.errors import Unsupported
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine import engine, systems
from edgepaas_tasks.remote.machine.facts import Facts, parse
from edgepaas_tasks.remote.shell import LocalTransport

DATA = Path(__file__).parents[3] / "data" / "os-release"
HERE = Host(LocalTransport())


def facts(name, arch="x86_64", **more) -> Facts:
    """As a host with this file would tell them."""
    (result,) = HERE.read(script("facts", str(DATA / name)))
    return replace(parse(result.stdout), arch=arch, engine="", **more)


# File: package manager, Docker's repository ("" for the distribution's engine) and the release in it.
EXPECTED = {
    "almalinux-8": ("dnf", "centos", "8"),
    "almalinux-9": ("dnf", "centos", "9"),
    "almalinux-10": ("dnf", "centos", "10"),
    "amzn-2": ("yum", "", ""),
    "amzn-2023": ("dnf", "", ""),
    "centos-8": ("dnf", "centos", "8"),
    "centos-9": ("dnf", "centos", "9"),
    "centos-10": ("dnf", "centos", "10"),
    "debian-11": ("apt", "debian", "bullseye"),
    "debian-12": ("apt", "debian", "bookworm"),
    "debian-13": ("apt", "debian", "trixie"),
    "fedora-41": ("dnf", "fedora", "41"),
    "fedora-42": ("dnf", "fedora", "42"),
    "fedora-43": ("dnf", "fedora", "43"),
    "linuxmint-22": ("apt", "ubuntu", "noble"),
    "ol-9": ("dnf", "centos", "9"),
    "rhel-8": ("dnf", "rhel", "8"),
    "rhel-9": ("dnf", "rhel", "9"),
    "rhel-10": ("dnf", "rhel", "10"),
    "rocky-8": ("dnf", "centos", "8"),
    "rocky-9": ("dnf", "centos", "9"),
    "rocky-10": ("dnf", "centos", "10"),
    "ubuntu-22.04": ("apt", "ubuntu", "jammy"),
    "ubuntu-24.04": ("apt", "ubuntu", "noble"),
    "ubuntu-25.10": ("apt", "ubuntu", "questing"),
    "ubuntu-26.04": ("apt", "ubuntu", "resolute"),
}
STRANGERS = ("alpine-3.20", "centos-7", "debian-10", "opensuse-leap-15.6", "ubuntu-20.04")


def test_every_file_is_expected_to_lead_somewhere():
    assert {path.name for path in DATA.iterdir()} == {*EXPECTED, *STRANGERS}


def test_every_row_is_reached_by_a_file():
    reached = {id(systems.system(facts(name), "web1")) for name in EXPECTED}
    assert reached == {id(row) for row in systems.SYSTEMS}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_system_leads_to_its_row(name, arch):
    manager, vendor, release = EXPECTED[name]
    found = facts(name, arch)
    row = systems.system(found, "web1")
    assert (row.manager, row.vendor) == (manager, vendor)
    if vendor:
        assert systems.release(row, found) == release


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_docker_comes_from_where_docker_publishes_it(name, arch):
    found = facts(name, arch)
    row = systems.system(found, "web1")
    *before, packages = engine.install(engine.Wanted(), row, found)
    if not row.vendor:
        assert "docker" in packages.words
        assert not any(command.words[0] == "repository" for command in before)
        return
    (repository,) = before
    _, vendor, release = EXPECTED[name]
    key_file, key, fingerprint, file = dict(repository.values).values()
    text = repository.stdin.decode()
    base = f"https://download.docker.com/linux/{vendor}"
    assert key == f"{base}/gpg"
    if row.manager == "apt":
        deb = {"x86_64": "amd64", "aarch64": "arm64"}[arch]
        assert text == f"deb [arch={deb} signed-by={key_file}] {base} {release} stable\n"
        assert (fingerprint, file) == (
            engine.APT_FINGERPRINT,
            "/etc/apt/sources.list.d/docker.list",
        )
    else:
        assert f"baseurl={base}/{release}/$basearch/stable" in text
        assert f"gpgcheck=1\ngpgkey=file://{key_file}" in text
        assert (fingerprint, file) == (engine.RPM_FINGERPRINT, "/etc/yum.repos.d/docker-ce.repo")
    assert packages.words[1:] == ("docker-ce", "docker-ce-cli", "containerd.io")


def test_an_engine_that_is_there_is_left_alone():
    found = replace(facts("debian-12"), engine="docker.io")
    assert engine.install(engine.Wanted(), systems.system(found, "web1"), found) == ()


def test_a_pinned_version_and_a_repository_of_ones_own():
    found = facts("centos-9")
    origin = engine.Origin("http://mirror/linux/", "", "A" * 40)
    repository, packages = engine.install(
        engine.Wanted(origin, "27.5"), systems.system(found, "web1"), found
    )
    assert dict(repository.values)["key_url"] == "http://mirror/linux/centos/gpg"
    assert dict(repository.values)["fingerprint"] == "A" * 40
    assert packages.words[1:] == ("docker-ce=27.5", "docker-ce-cli=27.5", "containerd.io")


def test_amazon_linux_2_is_past_its_end_and_needs_its_extras():
    row = systems.system(facts("amzn-2"), "web1")
    assert "past its end" in row.warning
    (extras,) = systems.enable_extras(row)
    assert extras.words == ("extras", "docker", "nginx1")


@pytest.mark.parametrize("name", STRANGERS)
def test_no_row_is_an_error_that_lists_what_there_is(name):
    with pytest.raises(Unsupported) as caught:
        systems.system(facts(name), "web1")
    assert "debian 11/12/13" in str(caught.value)
    assert "amzn 2/2023" in str(caught.value)


def test_another_processor_is_an_error():
    with pytest.raises(Unsupported, match="armv7l"):
        systems.system(facts("debian-12", "armv7l"), "web1")


def test_a_host_without_os_release_is_an_error():
    with pytest.raises(Unsupported, match="no /etc/os-release"):
        systems.system(Facts(), "web1")
