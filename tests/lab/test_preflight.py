"""What `inv preflight` finds on a sick host, and that a deploy finds it too."""

import json
import re
import time

import pytest

from edgepaas_tasks.fleet import preflight as doctor
from edgepaas_tasks.service.inventory import connect
from edgepaas_tasks.service.service import describe
from edgepaas_tasks.settings import load

from .conftest import make


@pytest.fixture(scope="module")
def sick(docker, tmp_path_factory):
    """A host without a volume, ready, whose engine came from the distribution."""
    for project in make(tmp_path_factory.mktemp("sick"), 1, packages=True):
        project.inv("setup", "--env", "lab")
        yield project


def blockers(project) -> str:
    """What preflight has to complain about, exit code included."""
    done = project.start("preflight", "--env", "lab", "--json")
    found = json.loads(done.communicate(timeout=300)[0])
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


TAKEN = """
end=$(($(date +%s) + 60))
until ss -Hltn "sport = :$1" | grep -q .; do [ "$(date +%s)" -lt "$end" ]; sleep 0.1; done
"""


def test_an_app_port_on_a_public_address_is_named(sick):
    witness = sick.host
    for unit, address, said in (
        ("public", "0.0.0.0", "port 8081 (blue) answers on a public address: 0.0.0.0"),
        ("private", "127.0.0.1", "port 8081 (blue) is taken by something else"),
    ):
        witness.run(
            f"set -e; systemd-run --quiet --unit=squatter-{unit} python3 -c "
            f"'import socket,time; s=socket.create_server((\"{address}\",8081)); time.sleep(600)'\n{TAKEN}",
            "8081",
        )
        try:
            assert said in blockers(sick)
            done = sick.deploy(code=1)
            assert said in done.stderr
        finally:
            witness.run(f"systemctl stop squatter-{unit}")
    assert "port 8081" not in blockers(sick)


def test_a_configuration_that_nginx_refuses_is_named(sick):
    sick.host.run("echo 'nonsense;' >/etc/nginx/conf.d/zz.conf")
    assert "nginx's configuration is not valid" in blockers(sick)
    sick.host.run("rm /etc/nginx/conf.d/zz.conf")


def test_a_wrong_clock_is_named(sick, monkeypatch):
    monkeypatch.chdir(sick.folder)
    # This machine's reading is shifted: the clock is one for all containers.
    of = describe(load({"app": "guestbook", **lab_settings(sick)}, "lab"))
    hosts = connect(of.settings, dry_run=False, observe=None)
    begun = time.time()
    found = {one.name: one for one in doctor.preflight(of, hosts, now=begun - 400)}
    assert found["clock"].verdict == "warning"
    ahead = re.search(r"([0-9]+) s ahead of this machine's", found["clock"].found)
    # The host's clock is read a little later.
    assert 399 <= int(ahead[1]) <= 401 + time.time() - begun


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


def test_a_user_who_may_not_become_root_is_named(sick):
    rule = "/etc/sudoers.d/ec2-user"
    sick.host.run(f"sed -i s/NOPASSWD:// {rule}")
    try:
        told = blockers(sick)
        refused = sick.deploy(code=1).stderr
    finally:
        sick.host.run(f"sed -i 's/) ALL/) NOPASSWD:ALL/' {rule}")
    assert "the login user may not use sudo without a password" in told
    assert "NOPASSWD" in refused
    assert "sudo" not in blockers(sick)


def test_a_host_that_does_not_answer_is_one_of_the_answers(sick):
    sick.configure(
        environments={"lab": {"lab": None, "hosts": [{"address": "127.0.0.1", "port": 1}]}}
    )
    done = sick.inv("preflight", "--env", "lab", code=1)
    assert re.search(r"blocker +ssh", done.stdout)
    sick.restore()


def test_a_local_postgres_is_named_and_left_alone(sick):
    sick.host.run("printf '#!/bin/sh\n' >/usr/local/bin/psql; chmod 755 /usr/local/bin/psql")
    assert "parts of Postgres on this host (psql)" in sick.inv("preflight", "--env", "lab").stdout
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
