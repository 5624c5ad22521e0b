"""Connections to real SSH servers on the loopback address: who is let through to a login, and who is not."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edgepaas_tasks.remote.errors import HostKeyChanged, HostKeyUnknown, Unreachable
from edgepaas_tasks.remote.ssh import config as sshconfig
from edgepaas_tasks.remote.ssh import connection
from edgepaas_tasks.remote.target import Hop, Target, hops


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """None of the developer's own keys, agents and settings."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(sshconfig, "SYSTEM", str(home / "system"))
    return home


@pytest.fixture
def configure(home):
    """Writes ~/.ssh/config, or a file beside it."""

    def configure(text, name="config"):
        (home / ".ssh" / name).write_text(text)
        return home / ".ssh" / name

    return configure


@pytest.fixture
def pins(tmp_path):
    return tmp_path / "known_hosts"


@pytest.fixture
def target(ssh_keys, pins):
    def target(server, **more):
        more = {"known_hosts": pins, **more}
        key = ssh_keys("client")
        return Target("web1", "127.0.0.1", server.port, "ops", key, connect_timeout=20, **more)

    return target


def opens(target):
    made = connection.connect(target)
    active = made.is_connected
    connection.disconnect(made)
    return active and not made.is_connected


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_pinned_key_of_any_type_opens_the_connection(ssh_server, pins, target, kind):
    # The server could show others, that would be preferred.
    server = ssh_server("one", "ed25519", "ecdsa", "rsa")
    (line,) = [line for line in server.pins.splitlines() if kind in line]
    pins.write_text(line + "\n")
    assert opens(target(server))


def test_a_foreign_key_ends_it_before_the_login(ssh_server, pins, target):
    server = ssh_server("one")
    pins.write_text("")
    with pytest.raises(HostKeyUnknown) as caught:
        opens(target(server))
    assert "web1: its host key is not known; nothing was sent" in str(caught.value)
    assert "SHA256:" in caught.value.got
    assert "inv hosts.trust" in caught.value.next_step
    assert server.logins == 0


def test_a_changed_key_ends_it_before_the_login_and_names_both(ssh_server, pins, target):
    server, other = ssh_server("one"), ssh_server("two")
    pins.write_text(other.pins.replace(str(other.port), str(server.port)))
    with pytest.raises(HostKeyChanged) as caught:
        opens(target(server))
    assert caught.value.got.count("SHA256:") == 2
    assert "--allow-replace" in caught.value.next_step
    assert server.logins == 0


def test_a_key_of_a_type_that_the_host_no_longer_has_is_a_changed_one(ssh_server, pins, target):
    server, other = ssh_server("one"), ssh_server("two", "rsa")
    pins.write_text(other.pins.replace(str(other.port), str(server.port)))
    with pytest.raises(HostKeyChanged):
        opens(target(server))


def test_a_hashed_entry_is_found(ssh_server, pins, target):
    server, other = ssh_server("one"), ssh_server("two")
    pins.write_text(server.pins)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(pins)], check=True, capture_output=True)
    assert "127.0.0.1" not in pins.read_text()
    assert pins.read_text().startswith("|1|")
    assert opens(target(server))
    # The same hash with another key.
    hashed = pins.read_text().split()[0]
    pins.write_text(f"{hashed} {' '.join(other.pins.split()[1:])}\n")
    with pytest.raises(HostKeyChanged):
        opens(target(server))


def test_one_of_several_pinned_keys_is_enough(ssh_server, pins, target):
    server, other = ssh_server("one"), ssh_server("two")
    pins.write_text(other.pins.replace(str(other.port), str(server.port)) + server.pins)
    assert opens(target(server))


def test_a_revoked_key_is_refused_wherever_else_it_is_pinned(ssh_server, pins, target):
    server = ssh_server("one")
    pins.write_text(f"{server.pins}@revoked {server.pins}")
    with pytest.raises(HostKeyChanged, match="revoked") as caught:
        opens(target(server))
    assert f"revoked in {pins}:2" in caught.value.got
    assert server.logins == 0


def test_an_authority_for_certificates_is_named_as_what_is_not_understood(ssh_server, pins, target):
    server = ssh_server("one")
    pins.write_text(f"# ours\n@cert-authority {server.pins}")
    with pytest.raises(HostKeyUnknown) as caught:
        opens(target(server))
    assert (
        "its host key is not pinned, and certificates are not understood; nothing was sent"
        in str(caught.value)
    )
    assert f"@cert-authority in {pins}:2" in caught.value.got
    assert "pin its key: inv hosts.trust" in caught.value.next_step
    assert server.logins == 0


def test_a_key_that_is_not_revoked_is_asked_for_before_one_that_is(ssh_server, pins, target):
    server, other = ssh_server("one", "ed25519", "rsa"), ssh_server("two")
    old = other.pins.split(maxsplit=1)[1]
    rsa = server.pins.splitlines(keepends=True)[1]
    pins.write_text(f"[127.*]:* {old}{rsa}@revoked {server.name} {old}")
    assert opens(target(server))


def test_known_hosts_of_ssh_config_and_its_alias_are_honoured(ssh_server, home, target):
    server = ssh_server("one")
    (home / ".ssh/config").write_text(
        f"Host 127.0.0.1\n  UserKnownHostsFile {home}/pins\n  HostKeyAlias shop\n"
    )
    (home / "pins").write_text(f"shop {' '.join(server.pins.split()[1:])}\n")
    assert opens(target(server, known_hosts=None))


class TestWhatSSHsConfigurationSays:
    def test_what_an_included_file_says_counts(self, ssh_server, pins, target, configure):
        server = ssh_server("one")
        pins.write_text(server.pins)
        configure("Include more*\nHost *\n  User nobody\n")
        configure(
            f"Host shop\n  HostName 127.0.0.1\n  Port {server.port}\n  User ops\n", "more.conf"
        )
        assert opens(replace(target(server), address="shop", port=None, user=None))
        assert server.users == ["ops"]

    def test_an_identity_that_is_not_here_is_passed_over(
        self, ssh_server, pins, target, configure, agent
    ):
        server = ssh_server("one")
        pins.write_text(server.pins)
        configure("IdentityFile ~/.ssh/elsewhere\nIdentityFile none\n")
        assert opens(replace(target(server), key=None))
        # And is named where nothing else opens the host.
        agent("-D")
        with pytest.raises(Unreachable) as caught:
            opens(replace(target(server), key=None))
        assert "there is nothing to log in with" in str(caught.value)
        assert "elsewhere (IdentityFile) cannot be read" in caught.value.got

    def test_a_key_of_the_settings_that_is_not_here_is_no_connection(
        self, ssh_server, target, tmp_path, pins
    ):
        server, jump = ssh_server("one"), ssh_server("jump")
        pins.write_text(jump.pins)
        over = f"127.0.0.1:{jump.port}"
        missing = replace(target(server, jump=over), key=tmp_path / "nowhere")
        for attempt in (connection.connect, connection.shown_keys):
            with pytest.raises(Unreachable, match="its private key cannot be read") as caught:
                attempt(missing)
            assert str(tmp_path / "nowhere") in caught.value.tried
            assert "edgepaas.ssh.key" in caught.value.next_step
        assert jump.logins == 0
        # To see what a host shows nobody logs in.
        assert connection.shown_keys(replace(missing, jump=""))

    def test_a_block_that_was_passed_over_is_named_when_there_is_no_connection(
        self, ssh_server, target, configure
    ):
        server = ssh_server("one")
        server.close()
        config = configure("Match localnetwork 10.0.0.0/8\n  Port 1\n")
        with pytest.raises(Unreachable, match="no SSH connection") as caught:
            opens(target(server))
        assert f"the block of Match localnetwork ({config}:1) was passed over" in caught.value.got

    @pytest.mark.parametrize(
        ("text", "place", "problem"),
        [
            ("User x\nMatch host\n", "config:2", "Match host: a value is missing"),
            ("Port many\n", "for 127.0.0.1", "'many'"),
            ("ProxyJump a b\n", "for 127.0.0.1", "'a b': expected [user@]host[:port]"),
            (
                "CanonicalizeHostname yes\nCanonicalizeMaxDots 9\nCanonicalizeFallbackLocal no\n",
                "for 127.0.0.1",
                "CouldNotCanonicalize: 127.0.0.1",
            ),
        ],
    )
    def test_what_can_not_be_understood_is_an_error_with_a_place(
        self, ssh_server, target, configure, text, place, problem
    ):
        configure(text)
        with pytest.raises(Unreachable) as caught:
            connection.prepare(replace(target(ssh_server("one")), port=None))
        assert "web1: ssh's configuration cannot be used" in str(caught.value)
        assert caught.value.tried.endswith(place)
        assert problem in caught.value.got
        assert caught.value.next_step

    def test_a_shell_that_is_not_there_for_match_exec_is_such_an_error(
        self, ssh_server, target, configure, monkeypatch
    ):
        monkeypatch.setattr("sys.stdin", None)
        configure("Match exec true\n  User x\n")
        (Path.home() / ".invoke.yaml").write_text("run: {shell: /nowhere/bash}\n")
        with pytest.raises(Unreachable, match="ssh's configuration cannot be used"):
            connection.prepare(target(ssh_server("one")))

    @pytest.mark.parametrize("value", ["ask", "/run/agent", "yes"])
    def test_what_does_not_concern_us_is_no_error(self, ssh_server, pins, target, configure, value):
        server, jump = ssh_server("one"), ssh_server("jump")
        pins.write_text(server.pins + jump.pins)
        configure(
            f"Host bastion\n  HostName 127.0.0.1\n  Port {jump.port}\n"
            f"Host * !bastion\n  ProxyJump bastion\nHost *\n  ForwardAgent {value}\n"
            "  ConnectTimeout none\n  IdentityFile ~/.ssh/id\n"
        )
        configure(target(server).key.read_text(), "id").chmod(0o600)
        assert opens(target(server))


@pytest.fixture
def agent(ssh_keys, tmp_path, monkeypatch):
    """A running ssh-agent that has the client's key; calls ssh-add."""
    socket = tmp_path / "agent"
    running = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    running.stdout.readline()  # it listens
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))

    def add(*words):
        subprocess.run(["ssh-add", "-q", *words], check=True, capture_output=True)

    add(str(ssh_keys("client")))
    yield add
    running.terminate()
    running.wait()


class TestOverAJumpHost:
    def test_it_is_reached(self, ssh_server, pins, target):
        server, jump = ssh_server("one"), ssh_server("jump")
        pins.write_text(server.pins + jump.pins)
        assert opens(target(server, jump=f"hop@127.0.0.1:{jump.port}"))
        assert (jump.logins, server.logins) == (1, 1)

    def test_it_is_reached_over_two(self, ssh_server, pins, target):
        server, first, second = ssh_server("one"), ssh_server("jump"), ssh_server("two")
        pins.write_text(server.pins + first.pins + second.pins)
        assert opens(target(server, jump=f"127.0.0.1:{first.port},127.0.0.1:{second.port}"))
        assert (first.logins, second.logins, server.logins) == (1, 1, 1)

    def test_who_is_written_goes_first_then_whom_ssh_config_names_then_the_default(
        self, ssh_server, pins, target, configure
    ):
        server, jump = ssh_server("one"), ssh_server("jump")
        pins.write_text(server.pins + jump.pins)
        configure(
            f"Host bastion gate\n  HostName 127.0.0.1\n  Port {jump.port}\nHost gate\n  User gk\n"
        )
        for way in ("me@gate", "gate", "bastion"):
            assert opens(target(server, jump=way, default_user="ec2-user"))
        assert jump.users == ["me", "gk", "ec2-user"]
        assert server.users == ["ops"] * 3
        # As with the user's own ssh, where nobody is named.
        assert opens(target(server, jump="bastion"))
        assert jump.users[-1] not in ("ops", "ec2-user")

    def test_ssh_configs_own_way_is_gone_in_its_order(self, ssh_server, pins, target, configure):
        server, first, second = ssh_server("one"), ssh_server("jump"), ssh_server("two")
        pins.write_text(server.pins + first.pins + second.pins)
        configure(target(server).key.read_text(), "id").chmod(0o600)
        configure(
            f"Host web1\n  HostName 127.0.0.1\n  ProxyJump a@127.0.0.1:{first.port},ssh://b@second\n"
            f"Host second\n  HostName 127.0.0.1\n  Port {second.port}\n  ProxyCommand false\n"
            "Host *\n  IdentityFile ~/.ssh/id\n"
        )
        made = connection.prepare(replace(target(server), address="web1"))
        way = [(link.user, link.port) for link in connection.links(made)]
        assert way == [("ops", server.port), ("b", second.port), ("a", first.port)]
        assert opens(replace(target(server), address="web1"))
        assert (first.users, second.users, server.users) == (["a"], ["b"], ["ops"])

    def test_whoever_is_on_the_way_already_is_not_gone_over_again(
        self, target, configure, ssh_server
    ):
        configure(
            "Host one\n  ProxyJump two\nHost two\n  ProxyJump one:22\n"
            "Host *\n  ProxyJump bastion\nHost bastion\n  HostName 192.0.2.1\n"
        )
        for address, expected in (
            ("web1", ["web1", "192.0.2.1"]),
            ("bastion", ["192.0.2.1"]),
            ("one", ["one", "two"]),
        ):
            made = connection.prepare(
                replace(target(ssh_server("one")), address=address, port=None)
            )
            assert [link.host for link in connection.links(made)] == expected

    @pytest.mark.parametrize(
        ("text", "gateway"),
        [
            ("ProxyCommand nc %h %p\nProxyJump bastion\n", "nc 127.0.0.1 2222"),
            ("ProxyCommand none\nProxyJump bastion\n", None),
            ("ProxyJump none\nProxyCommand nc %h %p\n", None),
        ],
    )
    def test_of_two_ways_the_first_that_is_named_counts(
        self, target, configure, ssh_server, text, gateway
    ):
        configure(f"Host 127.0.0.1\n  Port 2222\n{text}")
        made = connection.prepare(replace(target(ssh_server("one")), port=None))
        assert (made.gateway or None) == gateway

    def test_a_changed_key_of_the_jump_host_ends_it_there(self, ssh_server, pins, target):
        server, jump, other = ssh_server("one"), ssh_server("jump"), ssh_server("two")
        pins.write_text(server.pins + other.pins.replace(str(other.port), str(jump.port)))
        with pytest.raises(HostKeyChanged) as caught:
            opens(target(server, jump=f"127.0.0.1:{jump.port}"))
        assert "the jump host 127.0.0.1 shows another key" in str(caught.value)
        assert f"127.0.0.1:{jump.port}" in caught.value.tried
        assert (jump.logins, server.logins) == (0, 0)

    def test_an_unknown_key_of_the_jump_host_too(self, ssh_server, pins, target):
        server, jump = ssh_server("one"), ssh_server("jump")
        pins.write_text(server.pins)
        with pytest.raises(HostKeyUnknown, match="the key of the jump host 127.0.0.1"):
            opens(target(server, jump=f"127.0.0.1:{jump.port}"))
        assert (jump.logins, server.logins) == (0, 0)

    def test_a_changed_key_of_a_jump_host_that_ssh_config_names(
        self, ssh_server, pins, target, home
    ):
        server, jump, other = ssh_server("one"), ssh_server("jump"), ssh_server("two")
        (home / ".ssh/config").write_text(
            f"Host 127.0.0.1\n  ProxyJump bastion\nHost bastion\n  HostName 127.0.0.1\n  Port {jump.port}\n"
            f"  ProxyJump none\n"
        )
        pins.write_text(server.pins + other.pins.replace(str(other.port), str(jump.port)))
        with pytest.raises(HostKeyChanged, match="the jump host"):
            opens(target(server))
        assert (jump.logins, server.logins) == (0, 0)

    def test_a_changed_key_behind_it_ends_it_as_well(self, ssh_server, pins, target):
        server, jump, other = ssh_server("one"), ssh_server("jump"), ssh_server("two")
        pins.write_text(jump.pins + other.pins.replace(str(other.port), str(server.port)))
        with pytest.raises(HostKeyChanged, match="the host shows another key"):
            opens(target(server, jump=f"127.0.0.1:{jump.port}"))
        assert (jump.logins, server.logins) == (1, 0)

    def test_a_jump_host_that_forwards_nothing_is_named(self, ssh_server, pins, target):
        server, jump = ssh_server("one"), ssh_server("jump", forwards=False)
        pins.write_text(server.pins + jump.pins)
        with pytest.raises(Unreachable) as caught:
            opens(target(server, jump=f"127.0.0.1:{jump.port}"))
        assert f"the jump host 127.0.0.1 does not reach 127.0.0.1:{server.port}" in str(
            caught.value
        )
        assert "AllowTcpForwarding" in caught.value.next_step


RELAY = """
import socket, sys, threading
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := there.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
threading.Thread(target=back, daemon=True).start()
while data := sys.stdin.buffer.read1(65536):
    there.sendall(data)
"""


class TestThroughAProxyCommand:
    @pytest.fixture
    def command(self, tmp_path):
        relay = tmp_path / "re lay.py"
        relay.write_text(RELAY)
        return f"python3 '{relay}' %h %p"

    def test_it_is_reached(self, ssh_server, pins, target, command):
        server = ssh_server("one")
        pins.write_text(server.pins)
        assert opens(target(server, proxy_command=command))

    def test_a_changed_key_behind_it_ends_it(self, ssh_server, pins, target, command):
        server, other = ssh_server("one"), ssh_server("two")
        pins.write_text(other.pins.replace(str(other.port), str(server.port)))
        with pytest.raises(HostKeyChanged):
            opens(target(server, proxy_command=command))
        assert server.logins == 0

    @pytest.mark.parametrize("command", ["false", "/nowhere/to-be-found %h"])
    def test_one_that_ends_is_named(self, ssh_server, target, command):
        with pytest.raises(Unreachable) as caught:
            opens(target(ssh_server("one"), proxy_command=command))
        assert "proxy command" in str(caught.value)
        assert command in caught.value.tried


def test_a_way_is_read_as_ssh_reads_it():
    assert hops("") == []
    assert hops("a.example.org, ops@10.0.0.1:2222,[::1]:22") == [
        Hop("a.example.org", None, None),
        Hop("10.0.0.1", 2222, "ops"),
        Hop("::1", 22, None),
    ]
    with pytest.raises(ValueError, match="expected"):
        hops("a b")


def test_every_key_that_a_host_shows_is_seen_without_a_login(ssh_server, target):
    server = ssh_server("one", "ed25519", "rsa")
    shown = connection.shown_keys(target(server))
    assert [key.line for key in shown] == [
        " ".join(line.split()[1:]) for line in server.pins.splitlines()
    ]
    assert server.logins == 0


def test_nothing_to_log_in_with_is_told_apart_from_no_connection(ssh_server, pins, target):
    server = ssh_server("one")
    pins.write_text(server.pins)
    with pytest.raises(Unreachable) as caught:
        opens(replace(target(server), key=None))
    assert "the host is there, and there is nothing to log in with" in str(caught.value)
    assert "edgepaas.ssh.key" in caught.value.next_step


def test_a_port_that_nobody_listens_on(ssh_server, target):
    server = ssh_server("one")
    server.close()
    with pytest.raises(Unreachable, match="no SSH connection"):
        opens(target(server))


def test_the_home_directory_is_that_of_the_test(home):
    assert Path("~").expanduser() == home
