"""Every flavour of host from bare to ready, seen by testinfra; and what `inv preflight` finds on a sick one."""

import json
import re
import subprocess
import time

import pytest
import testinfra

from edgepaas_tasks import preflight as doctor
from edgepaas_tasks.inventory import connect
from edgepaas_tasks.lab.load import Load
from edgepaas_tasks.service import describe
from edgepaas_tasks.settings import load

from .conftest import make

FLAVOURS = {
    # system: Docker's packages from where, in the lab's server; the engine's package
    "debian": ("debian", "docker-ce"),
    "centos": ("centos", "docker-ce"),
    "amazon": (None, "docker"),
}


# Amazon's has the same engine as centos: only the way in differs, and is gone without a deploy.
serving = pytest.mark.parametrize("flavour", ["debian", "centos"], indirect=True)


@pytest.fixture(scope="module", params=FLAVOURS)
def flavour(request, docker, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    for project in make(folder, 1, system=request.param, packages=True):
        project.system = request.param
        family, project.package = FLAVOURS[request.param]
        # The beginning of a version is enough: each package manager has its own way to find the rest.
        origin = (
            {"repository": project.repository(family), "origin": "auto", "version": "20.10"}
            if family
            else {}
        )
        volume = {"id": project.host.host.volume, "size": 4}
        project.configure(docker=origin or {"origin": "auto"}, volume=volume)
        yield project


PICTURE = (
    "{ dpkg -l || rpm -qa | sort; } 2>/dev/null | sha256sum; cat /etc/fstab; "
    "find /etc /opt /usr/bin /usr/sbin -type f | sort | xargs sha256sum | sha256sum; "
    "docker info --format '{{.ID}}'; systemctl show docker nginx -p ActiveEnterTimestamp"
)


def test_from_bare_to_ready_with_one_setup(flavour):
    witness = flavour.host
    assert witness.run("command -v dockerd nginx || echo bare") == "bare"
    done = flavour.inv("preflight", "--env", "lab", code=1)
    assert "Docker is not running on this host" in done.stdout
    assert "nothing is mounted on /var/lib/docker" in done.stdout

    said = flavour.inv("setup", "--env", "lab").stdout
    assert f"installed {flavour.package}\n" in said
    assert "restarted docker" not in said

    host = testinfra.get_host(f"docker://{witness.host.container}")
    for name in ("docker", "nginx"):
        assert host.service(name).is_running
        assert host.service(name).is_enabled
    assert host.package("nginx").is_installed
    mount = host.mount_point("/var/lib/docker")
    assert mount.exists
    assert (mount.filesystem, mount.device) == ("ext4", witness.host.device)
    assert host.check_output("docker info --format '{{.Driver}} {{.DockerRootDir}}'") == (
        "overlay2 /var/lib/docker"
    )
    (line,) = [
        line for line in host.file("/etc/fstab").content_string.splitlines() if "docker" in line
    ]
    uuid = host.check_output(f"blkid -p -s UUID -o value {witness.host.device}")
    assert line.startswith(f"UUID={uuid} /var/lib/docker ext4 ")
    assert "nofail" in line
    assert "x-systemd.device-timeout" in line
    assert "var-lib-docker.mount" in host.check_output("systemctl show docker -p Requires")
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["live-restore"]
    assert daemon["userland-proxy"] is False
    assert daemon["log-opts"] == {"max-size": "10m", "max-file": "3"}
    assert "docker" in host.user("ec2-user").groups
    assert host.socket("tcp://0.0.0.0:80").is_listening
    assert "Nothing is deployed here yet" in host.check_output("curl -s http://127.0.0.1/")


def test_a_second_setup_changes_nothing(flavour):
    before = flavour.host.run(PICTURE)
    execs = flavour.host.execs()
    assert "ready, nothing changed" in flavour.inv("setup", "--env", "lab").stdout
    assert flavour.host.execs() - execs <= 3
    assert flavour.host.run(PICTURE) == before
    assert "0 blockers" in flavour.inv("preflight", "--env", "lab").stdout
    for name in ("docker.install", "volume.setup", "nginx.install", "nginx.configure"):
        assert "nothing changed" in flavour.inv(name, "--env", "lab").stdout
    assert flavour.host.run(PICTURE) == before


@serving
def test_a_deploy_works_and_survives_a_reboot(flavour):
    flavour.deploy("--version", "one")
    flavour.write("before the reboot")
    slot = flavour.status()[0]["slot"]
    from edgepaas_tasks.lab import hosts

    hosts.reboot(flavour.host.host)
    deadline = time.monotonic() + 60
    while not flavour.status()[0]["health"]["ok"]:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert flavour.status()[0]["slot"] == slot
    assert flavour.entries() == ["before the reboot"]
    assert flavour.host.run("findmnt -no SOURCE /var/lib/docker") == flavour.host.host.device
    assert "good" in flavour.inv("volume.status", "--env", "lab").stdout


@serving
def test_the_site_outlives_the_docker_daemon(flavour):
    with Load(flavour.url, connections=8) as load_:
        time.sleep(1)
        flavour.host.run("kill -KILL $(pidof dockerd)")
        time.sleep(2)
        assert flavour.get("/version")["version"] == "one"
        flavour.host.run("systemctl start docker; docker info >/dev/null")
        time.sleep(1)
    assert load_.report.sent > 100
    assert load_.report.failed == 0, str(load_.report)
    assert flavour.status()[0]["health"]["ok"]


# What follows needs one ready host; debian's is the first to be made and the cheapest.


@pytest.fixture(scope="module")
def sick(docker, tmp_path_factory):
    """A host without a volume, ready, whose engine came from the distribution."""
    for project in make(tmp_path_factory.mktemp("sick"), 1, packages=True):
        project.inv("setup", "--env", "lab")
        yield project


def blockers(project) -> str:
    """What preflight has to complain about, exit code included."""
    done = project.start("preflight", "--env", "lab", "--json")
    found = json.loads(done.communicate(timeout=120)[0])
    bad = [one for one in found["checks"] if one["verdict"] != "ok"]
    assert done.returncode == (0 if found["ok"] else 1)
    assert found["ok"] == all(one["verdict"] != "blocker" for one in bad)
    return "\n".join(f"{one['verdict']}: {one['name']}: {one['found']}" for one in bad)


def test_a_healthy_host_has_no_blocker_and_its_foreign_engine_is_named(sick):
    assert "blocker" not in blockers(sick)
    told = sick.inv("preflight", "--env", "lab").stdout
    assert re.search(r"ok +docker +engine 20\.10\S* \(docker\.io, overlay2\)", told)
    # Left alone, also when the settings would take another one.
    sick.configure(
        docker={"origin": "repository", "repository": sick.repository("debian"), "version": "27"}
    )
    assert "nothing changed" in sick.inv("setup", "--env", "lab").stdout
    sick.restore()


def test_an_app_port_on_a_public_address_is_named(sick):
    witness = sick.host
    for address, said in (
        ("0.0.0.0", "port 8081 (blue) answers on a public address: 0.0.0.0"),
        ("127.0.0.1", "port 8081 (blue) is taken by something else"),
    ):
        witness.run(
            "systemd-run --quiet --unit=squatter python3 -c "
            f"'import socket,time; s=socket.create_server((\"{address}\",8081)); time.sleep(60)'; sleep 1"
        )
        assert said in blockers(sick)
        done = sick.deploy(code=1)
        assert said in done.stderr
        witness.run("systemctl stop squatter")
    assert "port 8081" not in blockers(sick)


def test_a_configuration_that_nginx_refuses_is_named(sick):
    sick.host.run("echo 'nonsense;' >/etc/nginx/conf.d/zz.conf")
    assert "nginx's configuration is not valid" in blockers(sick)
    sick.host.run("rm /etc/nginx/conf.d/zz.conf")


def test_a_wrong_clock_is_named(sick):
    # This machine's reading is shifted: the clock is one for all containers.
    of = describe(load({"app": "guestbook", **lab_settings(sick)}, "lab"))
    hosts = connect(of.settings, dry_run=False, observe=None)
    found = {one.name: one for one in doctor.preflight(of, hosts, now=time.time() - 400)}
    assert found["clock"].verdict == "warning"
    assert re.search(r"(399|400|401) s ahead of this machine's", found["clock"].found)


def lab_settings(project):
    text = (project.folder / "invoke.yaml").read_text()
    tree = json.loads(text)["edgepaas"]
    tree["environments"]["lab"]["lab"]["folder"] = str(project.folder / ".lab")
    return tree


def test_a_lease_that_somebody_holds_is_named(sick):
    holder = json.dumps({"who": "somebody", "machine": "elsewhere", "pid": 1})
    sick.host.run(
        '{ echo token; echo $(($(date +%s) + 60)); echo "$1"; } >/opt/edgepaas/guestbook-lab/lease',
        holder,
    )
    assert "lease: held by somebody" in blockers(sick)
    # Nor is Docker restarted under a deploy.
    sick.configure(docker={"origin": "distribution", "daemon": {"debug": True}})
    done = sick.inv("setup", "--env", "lab", code=1)
    assert "a deploy is running, Docker is left alone" in done.stderr
    sick.host.run("rm /opt/edgepaas/guestbook-lab/lease")
    assert "restarted docker" in sick.inv("setup", "--env", "lab").stdout
    assert "true" in sick.host.run("docker info --format '{{.Debug}}'")
    sick.restore()


def test_missing_variables_and_an_unknown_name_are_named(sick):
    sick.configure(
        variables={"API_KEY": {"type": "string", "required": True}},
        nginx={"server_name": "nowhere.invalid"},
    )
    told = blockers(sick)
    assert "API_KEY" in told
    assert "nowhere.invalid does not resolve" in told
    sick.restore()


def test_a_host_that_does_not_answer_is_one_of_the_answers(sick):
    sick.configure(
        environments={"lab": {"lab": None, "hosts": [{"address": "127.0.0.1", "port": 1}]}}
    )
    done = sick.inv("preflight", "--env", "lab", code=1)
    assert re.search(r"blocker +ssh", done.stdout)
    sick.restore()


def test_a_local_postgres_is_named_and_left_alone(sick):
    sick.host.run("printf '#!/bin/sh\n' >/usr/local/bin/psql; chmod 755 /usr/local/bin/psql")
    assert "Postgres programs on this host (psql)" in sick.inv("preflight", "--env", "lab").stdout
    sick.host.run("test -x /usr/local/bin/psql; rm /usr/local/bin/psql")


def test_a_users_daemon_json_is_kept_and_a_broken_one_refused(sick):
    witness, file = sick.host, "/etc/docker/daemon.json"
    good = witness.run(f"cat {file}")
    own = {**json.loads(good), "max-concurrent-downloads": 2, "live-restore": True}
    del own["userland-proxy"]
    witness.run(f'printf %s "$1" >{file}', json.dumps(own))
    assert "restarted docker" in sick.inv("setup", "--env", "lab").stdout
    assert json.loads(witness.run(f"cat {file}")) == {**own, "userland-proxy": False}

    witness.run(f"echo '{{not json' >{file}")
    done = sick.inv("setup", "--env", "lab", code=1)
    assert "daemon.json is not valid; nothing was changed" in done.stderr
    assert witness.run(f"cat {file}") == "{not json"

    # Valid JSON that the engine does not start with: it comes back with the one before.
    witness.run(f'printf %s "$1" >{file}', good)
    sick.configure(docker={"origin": "distribution", "daemon": {"storage-driver": "nonsense"}})
    done = sick.inv("setup", "--env", "lab", code=1)
    assert "the one before is back" in done.stderr
    assert witness.run(f"cat {file}") == good
    assert witness.run("systemctl is-active docker") == "active"
    sick.restore()


def test_a_wrong_key_is_refused(docker, tmp_path):
    for project in make(tmp_path, 2, system="centos"):
        # The second host of the other family: each has its own way with keys.
        right = project.repository("centos")
        wrong = "0" * 40
        project.configure(docker={"origin": "auto", "repository": {**right, "fingerprint": wrong}})
        done = project.inv("setup", "--env", "lab", code=1)
        assert f"has the fingerprint {right['fingerprint']}, expected {wrong}" in done.stderr
        for witness in project.hosts:
            kept = witness.run(
                "rpm -qa 'gpg-pubkey*' | wc -l; ls /etc/pki/rpm-gpg; ls /etc/yum.repos.d; "
                "command -v dockerd || echo none"
            )
            assert kept.split() == ["1", "RPM-GPG-KEY-os", "os.repo", "none"]
        # The fingerprint of a key that did not sign the packages: the package manager refuses.
        name = f"{project.state.network}-packages"
        other = subprocess.run(
            ["docker", "exec", name, "cat", "/srv/wrong/fingerprint"],
            capture_output=True,
            text=True,
        ).stdout.strip()
        repository = {**right, "key": "http://packages/wrong/gpg", "fingerprint": other}
        project.configure(docker={"origin": "auto", "repository": repository})
        done = project.inv("setup", "--env", "lab", code=1)
        assert "GPG" in done.stderr
        assert project.host.run("command -v dockerd || echo none") == "none"
        # And the right one afterwards: nothing of the refusals is in the way.
        project.configure(docker={"origin": "auto", "repository": right})
        assert "installed docker-ce" in project.inv("setup", "--env", "lab").stdout
