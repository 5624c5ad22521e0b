"""`inv hosts.*` and `inv ec2.*` in a project of its own, with real SSH servers on this machine, and AWS by moto."""

import base64
import contextlib
import json
import os
import pty
import subprocess
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from edgepaas_tasks.remote.ssh.hostkeys import public_key


class Project:
    """A user's project whose known_hosts is `pins`."""

    def __init__(self, folder, key, run):
        self.folder, self.pins, self.run = folder, folder / "pins", run
        self.ssh = {"key": str(key), "known_hosts": "pins", "user": "ops", "timeout": 20}

    def settings(self, ssh=None, **environment):
        environment = {"ssh": {**self.ssh, **(ssh or {})}, **environment}
        tree = {"app": "shop", "environments": {"test": environment}}
        (self.folder / "invoke.yaml").write_text(json.dumps({"edgepaas": tree}))

    def hosts(self, *servers, **ssh):
        entries = [
            {"name": f"web{number}", "address": "127.0.0.1", "port": server.port}
            for number, server in enumerate(servers, 1)
        ]
        self.settings(ssh, hosts=entries)

    def inv(self, *words, **more):
        return self.run(self.folder, *words, "--env", "test", **more)

    def trust(self, *words, **more):
        return self.inv("hosts.trust", *words, **more)


@pytest.fixture
def project(tmp_path, ssh_keys, run_tasks):
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, ssh_keys("client"), run_tasks)


def fingerprint(server):
    return public_key(server.pins).fingerprint


class TestTrust:
    def test_a_given_file_pins_and_a_second_time_nothing_changes(
        self, project, ssh_server, tmp_path
    ):
        one, two = ssh_server("one", "ed25519", "rsa"), ssh_server("two")
        project.hosts(one, two)
        given = tmp_path / "given"
        given.write_text(one.pins + two.pins)
        said = project.trust("--from", str(given)).stdout
        assert f"web1: pinned as {one.name} in pins, by {given} ({one.name})" in said
        assert project.pins.read_text() == one.pins + two.pins
        assert "pinned already, nothing changed" in project.trust("--from", str(given)).stdout
        assert project.pins.read_text() == one.pins + two.pins
        shown = json.loads(project.inv("hosts.show", "--json").stdout)
        assert [len(host["pinned"]) for host in shown] == [2, 1]
        assert (one.logins, two.logins) == (0, 0)

    def test_a_hashed_file_is_evidence_too(self, project, ssh_server, tmp_path):
        server = ssh_server("one")
        project.hosts(server)
        given = tmp_path / "given"
        given.write_text(server.pins)
        words = ("ssh-keygen", "-q", "-H", "-f", str(given))
        subprocess.run(words, check=True, capture_output=True)
        assert "127.0.0.1" not in given.read_text()
        project.trust("--from", str(given))
        assert project.pins.read_text() == server.pins

    def test_a_foreign_key_pins_nothing_for_any_host(self, project, ssh_server, tmp_path):
        one, two, other = ssh_server("one"), ssh_server("two"), ssh_server("three")
        project.hosts(one, two)
        given = tmp_path / "given"
        given.write_text(one.pins + other.pins.replace(str(other.port), str(two.port)))
        said = project.trust("--from", str(given), code=1).stderr
        assert "web2: the host shows no key that" in said
        assert fingerprint(two) in said
        assert fingerprint(other) in said
        assert not project.pins.exists()

    def test_a_file_that_does_not_name_the_host_says_so(self, project, ssh_server, tmp_path):
        project.hosts(ssh_server("one"))
        given = tmp_path / "given"
        given.write_text(ssh_server("two").pins)
        assert "no key of this host" in project.trust("--from", str(given), code=1).stderr
        assert "No such file" in project.trust("--from", "nowhere", code=1).stderr

    def test_a_fingerprint_pins_that_key_alone(self, project, ssh_server):
        server = ssh_server("one", "ed25519", "rsa")
        project.hosts(server)
        project.trust("--fingerprint", fingerprint(server))
        assert project.pins.read_text() == server.pins.splitlines(keepends=True)[0]

    def test_a_wrong_fingerprint_pins_nothing(self, project, ssh_server):
        server = ssh_server("one")
        project.hosts(server)
        wrong = fingerprint(ssh_server("two"))
        said = project.trust("--fingerprint", wrong, code=1).stderr
        assert "the host shows no key that --fingerprint names; nothing was pinned" in said
        assert fingerprint(server) in said
        assert not project.pins.exists()
        assert "expected SHA256:" in project.trust("--fingerprint", "ab:cd", code=2).stderr

    def test_one_fingerprint_does_not_vouch_for_two_hosts(self, project, ssh_server):
        one, two = ssh_server("one"), ssh_server("two")
        project.hosts(one, two)
        said = project.trust("--fingerprint", fingerprint(one), code=2).stderr
        assert "2 hosts (web1, web2): say which by --host" in said
        project.trust("--fingerprint", fingerprint(one), "--host", "web1")
        assert project.pins.read_text() == one.pins

    def test_first_use_alone_pins_nothing(self, project, ssh_server):
        server = ssh_server("one")
        project.hosts(server)
        said = project.trust(code=1).stderr
        assert "web1: nothing vouches for its key" in said
        assert fingerprint(server) in said
        assert "--console" in said
        assert not project.pins.exists()

    @pytest.mark.parametrize("answer", ["yes", "no", ""])
    def test_a_person_is_asked_and_only_yes_pins(self, project, ssh_server, answer):
        server = ssh_server("one")
        project.hosts(server)
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = project.trust(code=0 if answer == "yes" else 1, stdin=theirs)
        os.close(ours)
        assert f"  {public_key(server.pins)}" in done.stdout
        assert project.pins.exists() == (answer == "yes")

    def test_a_changed_key_stops_everything_until_evidence_replaces_it(self, project, ssh_server):
        server, before = ssh_server("one"), ssh_server("two")
        pinned = before.pins.replace(str(before.port), str(server.port))
        project.pins.write_text(pinned)
        project.hosts(server)
        said = project.inv("status", code=0).stdout
        assert "the host shows another key than the pinned one" in said
        for words in ((), ("--fingerprint", fingerprint(server)), ("--allow-replace",)):
            said = project.trust(*words, code=1).stderr
            assert fingerprint(server) in said
        assert project.pins.read_text() == pinned
        project.trust("--allow-replace", "--fingerprint", fingerprint(server))
        assert project.pins.read_text() == server.pins
        assert server.logins == 0

    @pytest.mark.parametrize("names", ["[127.0.0.*]:{port}", "shop,[127.*]:*"])
    def test_a_replaced_key_that_a_pattern_names_is_revoked(self, project, ssh_server, names):
        server, before = ssh_server("one"), ssh_server("two")
        old = before.pins.split(maxsplit=1)[1]
        pinned = f"{names.format(port=server.port)} {old}"
        project.pins.write_text(pinned)
        project.hosts(server)
        words = ("--fingerprint", fingerprint(server))
        assert "another key than the pinned one" in project.trust(*words, code=1).stderr
        assert project.pins.read_text() == pinned
        said = project.trust(*words, "--allow-replace").stdout
        assert f"ssh-ed25519 {fingerprint(before)} is revoked, since pins still names it" in said
        assert project.pins.read_text() == (f"{pinned}{server.pins}@revoked {server.name} {old}")
        (shown,) = json.loads(project.inv("hosts.show", "--json").stdout)
        assert shown["pinned"] == [f"ssh-ed25519 {fingerprint(server)}"]
        assert "pinned already" in project.trust(*words, "--allow-replace").stdout

    def test_a_replaced_key_in_a_file_that_is_not_written_is_revoked(self, project, ssh_server):
        server, before = ssh_server("one"), ssh_server("two")
        old = before.pins.split(maxsplit=1)[1]
        config = project.folder / ".ssh"
        config.mkdir()
        (config / "first").write_text(f"{server.name} {old}")
        (config / "system").write_text(f"\n{server.name} {old}")
        (config / "config").write_text(
            "UserKnownHostsFile ~/.ssh/first\nGlobalKnownHostsFile ~/.ssh/system\n"
        )
        project.hosts(server, known_hosts=None)
        said = project.trust("--fingerprint", fingerprint(server), "--allow-replace").stdout
        assert f"is revoked, since {config / 'system'} still names it" in said
        assert (config / "first").read_text() == f"{server.pins}@revoked {server.name} {old}"
        assert (config / "system").read_text() == f"\n{server.name} {old}"

    def test_what_a_replacement_left_trusted_is_revoked_by_the_next(self, project, ssh_server):
        server, before = ssh_server("one"), ssh_server("two")
        old = before.pins.split(maxsplit=1)[1]
        project.pins.write_text(f"[127.*]:* {old}{server.pins}")
        project.hosts(server)
        words = ("--fingerprint", fingerprint(server))
        assert "pinned already" in project.trust(*words).stdout
        assert (
            f"{fingerprint(before)} is revoked" in project.trust(*words, "--allow-replace").stdout
        )
        assert project.pins.read_text().endswith(f"@revoked {server.name} {old}")

    def test_a_revoked_key_is_never_pinned(self, project, ssh_server):
        server = ssh_server("one")
        project.pins.write_text(f"@revoked {server.pins}")
        project.hosts(server)
        words = ("--fingerprint", fingerprint(server), "--allow-replace")
        said = project.trust(*words, code=1).stderr
        assert "the host shows a key that is revoked; nothing was pinned" in said
        assert "revoked in pins:1" in said

    def test_an_authority_is_no_evidence_and_said_to_be_none(self, project, ssh_server, tmp_path):
        server = ssh_server("one")
        project.hosts(server)
        given = tmp_path / "given"
        given.write_text(f"@cert-authority {server.pins}")
        said = project.trust("--from", str(given), code=1).stderr
        assert "an authority for its certificates (line 1), which are not understood" in said
        assert not project.pins.exists()

    def test_the_jump_host_is_pinned_first(self, project, ssh_server, tmp_path):
        server, jump = ssh_server("one"), ssh_server("jump")
        project.hosts(server, jump=f"127.0.0.1:{jump.port}")
        said = project.trust("--fingerprint", fingerprint(server), "--host", "web1", code=1).stderr
        assert "the key of the jump host 127.0.0.1 is not known" in said
        given = tmp_path / "given"
        given.write_text(server.pins + jump.pins)
        project.trust("--from", str(given))
        assert project.pins.read_text() == jump.pins + server.pins
        roles = [host["role"] for host in json.loads(project.inv("hosts.show", "--json").stdout)]
        assert roles == ["jump", "host"]

    def test_a_jump_host_is_logged_in_to_as_ssh_would_else_as_the_settings_say(self, project):
        config = project.folder / ".ssh"
        config.mkdir()
        (config / "config").write_text("Host bastion\n  User gatekeeper\n")
        entry = {"address": "127.0.0.1", "user": "admin"}
        project.settings({"jump": "bastion,other,me@bastion"}, hosts=[entry])
        shown = json.loads(project.inv("hosts.show", "--json").stdout)
        assert [one["user"] for one in shown] == ["gatekeeper", "ops", "me", "admin"]

    def test_ssh_configuration_that_can_not_be_understood_is_one_error(self, project, ssh_server):
        project.hosts(ssh_server("one"))
        config = project.folder / ".ssh"
        config.mkdir()
        (config / "config").write_text("Host web\nMatch host\n")
        said = project.inv("hosts.show", code=1).stderr
        assert "web1: ssh's configuration cannot be used" in said
        assert f"{config / 'config'}:2" in said
        assert "web1: ssh's configuration cannot be used" in project.inv("status").stdout

    def test_a_changed_key_of_the_jump_host_pins_nothing(self, project, ssh_server, tmp_path):
        server, jump, other = ssh_server("one"), ssh_server("jump"), ssh_server("two")
        project.pins.write_text(other.pins.replace(str(other.port), str(jump.port)))
        project.hosts(server, jump=f"127.0.0.1:{jump.port}")
        said = project.trust("--fingerprint", fingerprint(server), "--host", "web1", code=1).stderr
        assert "the jump host 127.0.0.1 shows another key than the pinned one" in said
        assert (jump.logins, server.logins) == (0, 0)

    def test_one_kind_of_evidence_at_a_time_and_only_known_hosts(self, project, ssh_server):
        project.hosts(ssh_server("one"))
        assert "one of them" in project.trust("--console", "--from", "x", code=2).stderr
        said = project.trust("--host", "web2", code=2).stderr
        assert "--host web2: no such host; did you mean 'web1'? (known: web1)" in said


@contextlib.contextmanager
def consoles(aws, texts):
    """AWS as moto has it, but for what instances wrote to their consoles."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = urllib.parse.parse_qs(body.decode())
            if form.get("Action") == ["GetConsoleOutput"]:
                (name,) = form["InstanceId"]
                text = base64.b64encode(texts[name].encode()).decode()
                answer = (
                    "<GetConsoleOutputResponse><requestId>1</requestId>"
                    f"<instanceId>{name}</instanceId><output>{text}</output>"
                    "</GetConsoleOutputResponse>"
                ).encode()
            else:
                kept = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                request = urllib.request.Request(aws, body, {**kept, "Host": "ec2.us-east-1"})
                with urllib.request.urlopen(request, timeout=10) as reply:
                    answer = reply.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def instance(aws_server):
    """A running instance with our tag at the address of our SSH servers; its id."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "shop-test"}]}]
    made = boto3.client("ec2").run_instances(
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        PrivateIpAddress="127.0.0.1",
        TagSpecifications=tags,
    )["Instances"][0]
    return made["InstanceId"]


EC2 = {"tags": {"Name": "shop-test"}, "address": "private"}


class TestEC2:
    def test_the_hosts_are_listed(self, project, instance):
        project.settings(ec2=EC2)
        (one,) = json.loads(project.inv("ec2.hosts", "--json").stdout)
        assert (one["id"], one["name"], one["address"]) == (instance, "shop-test", "127.0.0.1")
        said = project.inv("ec2.hosts").stdout
        assert said.startswith(f"{instance}  shop-test  running  us-east-1")
        (shown,) = json.loads(project.inv("hosts.show", "--json").stdout)
        assert (shown["name"], shown["user"], shown["instance"]) == ("shop-test", "ops", instance)

    def test_no_instance_or_no_inventory_of_that_kind_is_said(
        self, project, aws_server, ssh_server
    ):
        project.settings(ec2=EC2)
        said = project.inv("ec2.hosts", code=1).stderr
        assert "0 running instances with Name=shop-test, expected 1" in said
        assert "in us-east-1" in said
        # Whoever needs hosts stops there too, before anything else is done.
        assert "0 running instances" in project.inv("preflight", code=1).stderr
        project.hosts(ssh_server("one"))
        assert "has no ec2 inventory" in project.inv("ec2.hosts", code=2).stderr

    def test_an_environment_has_one_inventory(self, project):
        project.settings(ec2=EC2, hosts=[{"address": "127.0.0.1"}])
        assert "hosts and ec2 are both set" in project.inv("ec2.hosts", code=2).stderr

    def test_its_own_region_and_profile_win(self, project, instance, aws_server):
        project.settings(ec2={**EC2, "region": "eu-west-1"}, aws={"region": "us-east-1"})
        assert "in eu-west-1" in project.inv("ec2.hosts", code=1).stderr
        project.settings(ec2={**EC2, "profile": "nobody"})
        assert "nobody" in project.inv("ec2.hosts", code=1).stderr

    def test_a_volume_is_attached_to_the_instance_that_the_tags_mean(self, project, instance):
        ec2 = boto3.client("ec2")
        (one,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        zone = one["Placement"]["AvailabilityZone"]
        volume = ec2.create_volume(Size=4, AvailabilityZone=zone)["VolumeId"]
        # Another VPC's instance with the same private address: the id tells them apart.
        ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, PrivateIpAddress="127.0.0.1"
        )
        project.settings(ec2=EC2, volume={"id": volume})
        said = project.inv("volume.attach").stdout
        assert f"{volume} attached to {instance} as /dev/sdf" in said

    def test_the_console_pins_what_the_instance_announced(
        self, project, instance, aws_server, ssh_server, monkeypatch
    ):
        server, other = ssh_server("one", "ed25519", "rsa"), ssh_server("two")
        project.settings(ec2={**EC2, "port": server.port})
        texts = {instance: ""}
        with consoles(aws_server, texts) as endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
            said = project.trust("--console", code=1).stderr
            assert f"the console output of {instance} is still empty" in said
            texts[instance] = "login:\n"
            assert "names no host keys" in project.trust("--console", code=1).stderr
            texts[instance] = announcement(other)
            said = project.trust("--console", code=1).stderr
            assert f"shows no key that the console of {instance} names" in said
            assert not project.pins.exists()
            texts[instance] = announcement(server)
            said = project.trust("--console").stdout
            assert f"shop-test: pinned as {server.name} in pins, by the console" in said
            assert project.pins.read_text() == server.pins
            # Where the inventory is static, the instance is found by the host's address.
            project.pins.unlink()
            project.hosts(server)
            project.trust("--console")
        assert project.pins.read_text() == server.pins


def announcement(server):
    keys = "".join(f"{line.split(maxsplit=1)[1]} root@ip\n" for line in server.pins.splitlines())
    return f"boot\n-----BEGIN SSH HOST KEY KEYS-----\n{keys}-----END SSH HOST KEY KEYS-----\n"
