"""known_hosts files as OpenSSH reads and writes them; ssh-keygen is the witness."""

import subprocess

import pytest

from edgepaas_tasks.remote.ssh import hostkeys
from edgepaas_tasks.remote.ssh.hostkeys import (
    Key,
    announced,
    known,
    known_name,
    outlasts,
    parse,
    pin,
    public_keys,
    read,
)


@pytest.fixture
def key(ssh_keys):
    def key(name, kind="ed25519"):
        return hostkeys.public_key(ssh_keys(name, kind).with_suffix(".pub").read_text())

    return key


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_fingerprint_is_that_of_ssh_keygen(ssh_keys, key, kind):
    path = ssh_keys("one", kind)
    done = subprocess.run(["ssh-keygen", "-l", "-f", str(path)], capture_output=True, text=True)
    assert key("one", kind).fingerprint == done.stdout.split()[1]


def found(path, name):
    done = subprocess.run(["ssh-keygen", "-F", name, "-f", str(path)], capture_output=True)
    return [line for line in done.stdout.decode().splitlines() if not line.startswith("#")]


def test_names_patterns_and_negations():
    (line,) = parse("web1,*.example.org,!bad.example.org,[::1]:2222 ssh-ed25519 " + ED)
    covered = ("web1", "a.example.org", "[::1]:2222")
    assert [line.covers(name) for name in covered] == [True] * 3
    other = ("web2", "bad.example.org", "[::1]:22", "web1.example.com", ":")
    assert [line.covers(name) for name in other] == [False] * 5


ED = "AAAAC3NzaC1lZDI1NTE5AAAAIJ2c0eWaTqhYTLRSpNmJIuQVO3/hhqYNvMbY5xKw1Kd5"


def test_what_is_no_key_is_left_out():
    text = (
        "# web1 ssh-ed25519 AAAA\n\nweb1\nweb1 ssh-dss AAAAB3NzaC1kc3MAAACB\n"
        f"web1 ssh-rsa {ED}\n"
        f"web1 sk-ssh-ed25519@openssh.com {ED}\nweb1 ssh-ed25519 {ED[:7]}\n"
    )
    assert parse(text) == []


def test_what_is_known_of_a_name_is_told_apart_and_has_a_place(tmp_path, key):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    one, two, three = key("one"), key("two"), key("three")
    ours.write_text(f"# ours\n@revoked web1 {two.line}\nweb2 {three.line}\n")
    theirs.write_text(f"@cert-authority web* {three.line}\nweb1 {one.line}\nweb* {two.line}\n")
    found = known(read([ours, tmp_path / "nowhere", theirs]), "web1")
    assert [(pin.key, pin.place) for pin in found.trusted] == [(one, f"{theirs}:2")]
    assert [(pin.key, pin.place) for pin in found.revoked] == [(two, f"{ours}:2")]
    assert [(pin.key, pin.place) for pin in found.authorities] == [(three, f"{theirs}:1")]


def test_a_pin_is_added_beside_the_others_and_found_by_openssh(tmp_path, key):
    path = tmp_path / "new" / "known_hosts"
    pin(path, "web1", [key("one"), key("one", "rsa")])
    pin(path, known_name("10.0.0.1", 2222), [key("two")])
    assert len(found(path, "web1")) == 2
    assert len(found(path, "[10.0.0.1]:2222")) == 1
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_pin_replaces_what_was_pinned_for_that_name_alone(tmp_path, key):
    path = tmp_path / "known_hosts"
    path.write_text(
        f"# ours\nweb1,10.0.0.1 {key('one').line}\n@revoked web1 {key('two').line}\n"
        f"web2 {key('one').line} a comment\n"
    )
    path.chmod(0o600)
    pin(path, "web1", [key("three")])
    assert path.read_text() == (
        f"# ours\n10.0.0.1 {key('one').line}\n@revoked web1 {key('two').line}\n"
        f"web2 {key('one').line} a comment\nweb1 {key('three').line}\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_hashed_pin_is_replaced_too(tmp_path, key):
    path = tmp_path / "known_hosts"
    path.write_text(f"web1 {key('one').line}\nweb2 {key('one').line}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    pin(path, "web1", [key("three")])
    assert len(path.read_text().splitlines()) == 2
    assert found(path, "web1") == [f"web1 {key('three').line}"]
    assert len(found(path, "web2")) == 1


def test_what_still_vouches_for_a_key_that_was_replaced(tmp_path, key):
    path = tmp_path / "known_hosts"
    old = key("one").line
    path.write_text(f"web1 {old}\n*.example.org,web1 {old}\nweb1,web* {old}\nweb2 {old}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    found = parse(path.read_text(), path)
    assert path.read_text().startswith("|1|")
    assert [pin.place for pin in found if outlasts(pin, path, "web1")] == [f"{path}:3"]
    assert all(outlasts(pin, tmp_path / "another", "web1") for pin in found)


def test_a_key_that_a_pattern_pins_is_revoked_for_that_name_alone(tmp_path, key):
    path = tmp_path / "known_hosts"
    path.write_text(f"web* {key('one').line}\n")
    pin(path, "web1", [key("two")], [key("one")])
    assert found(path, "web1") == [
        f"web* {key('one').line}",
        f"web1 {key('two').line}",
        f"@revoked web1 {key('one').line}",
    ]
    assert found(path, "web2") == [f"web* {key('one').line}"]


CONSOLE = """[    7.01] cloud-init[812]: Generating public/private ed25519 key pair.
ci-info: no authorized SSH keys fingerprints found for user admin.
<14>Nov 25 02:00:11 ec2: #############################################################
<14>Nov 25 02:00:11 ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>Nov 25 02:00:11 ec2: 256 {ed_print} root@ip-10-0-0-5 (ED25519)
<14>Nov 25 02:00:11 ec2: 3072 {rsa_print} root@ip-10-0-0-5 (RSA)
<14>Nov 25 02:00:11 ec2: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----
{ed} root@ip-10-0-0-5
{rsa} root@ip-10-0-0-5
-----END SSH HOST KEY KEYS-----
[   12.5] cloud-init[900]: Cloud-init v. 22.2.2 finished
"""


def console(one, rsa):
    return CONSOLE.format(
        ed=one.line, rsa=rsa.line, ed_print=one.fingerprint, rsa_print=rsa.fingerprint
    )


def test_the_console_announces_keys_and_fingerprints(key):
    one, rsa = key("one"), key("one", "rsa")
    text = console(one, rsa).replace("\n", "\r\n")
    assert announced(text) == ([one, rsa], [one.fingerprint, rsa.fingerprint])


def test_the_last_announcement_counts(key):
    one, rsa = key("one"), key("one", "rsa")
    text = console(key("two"), key("two", "rsa")) + console(one, rsa)
    assert announced(text)[0] == [one, rsa]


def test_a_key_outside_the_announcement_is_none(key):
    assert announced(f"motd: {key('one').line}\n") == ([], [])
    assert announced(console(key("one"), key("one", "rsa"))[:300]) == ([], [])


def test_a_cut_key_is_not_that_key(key):
    (cut,) = public_keys(key("one").line[:-8])
    assert cut != key("one")
    assert isinstance(cut, Key)
