"""nginx's files, with a stub nginx: what was good stays or comes back whatever fails."""

import fcntl
import subprocess
import time

import pytest

from .conftest import elsewhere, point

SITE = "edgepaas-shop-prod.conf"


@pytest.fixture
def nginx(tmp_path, stubs):
    """A host's /etc/nginx with a site of ours that is in use; `state` is what systemctl says of it."""
    folder = tmp_path / "nginx"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "nginx.conf").write_text("http { include /etc/nginx/conf.d/*.conf; }\n")
    (folder / "mime.types").touch()
    (folder / "conf.d" / SITE).write_text("old\n")
    (folder / "conf.d" / "other.conf").write_text("of somebody else\n")
    stubs.add("nginx")
    stubs.add("systemctl")
    stubs.add("curl", "printf 'HTTP/1.1 503\\r\\nX-EdgePaaS-Release: 0\\r\\n'")
    stubs.add("sleep")
    return folder


@pytest.fixture
def configure(run, nginx, service, tmp_path):
    def configure(text="new\n"):
        command = elsewhere(
            "nginx-site",
            stdin=text.encode(),
            places=(("/etc/nginx/", nginx), ("/run/", tmp_path)),
            file_name=SITE,
            port="80",
            host_name="shop.example",
            base=str(service),
            blue="8081",
            green="8082",
        )
        (result,) = run.host.read(command)
        assert not list(nginx.glob(".edgepaas*")), "nothing is left beside it"
        return result

    return configure


def site(nginx):
    return (nginx / "conf.d" / SITE).read_text()


def test_a_new_site_is_tested_then_used(configure, nginx, stubs, tmp_path):
    (tmp_path / "edgepaas-nginx.lock").touch(0o644)
    assert configure().text == "reloaded"
    assert site(nginx) == "new\n"
    assert (nginx / "conf.d" / SITE).stat().st_mode & 0o777 == 0o644, "nginx's workers read it"
    assert (tmp_path / "edgepaas-nginx.lock").stat().st_mode & 0o777 == 0o600
    order = [line.split()[0:2] for line in stubs.said if line.split()[0] in ("nginx", "systemctl")]
    assert order.index(["nginx", "-t"]) < order.index(["systemctl", "reload"])
    assert any("Host: shop.example" in line for line in stubs.said)


def test_the_same_site_is_left_alone(configure, nginx, stubs):
    assert configure("old\n").text == "same"
    assert not any("reload" in line or line.startswith("nginx") for line in stubs.said)


@pytest.mark.parametrize("text", ["# new words\nold\n", "old\n\n  # new words\n", "\nold\n"])
def test_other_comments_are_no_reason_to_reload(configure, nginx, stubs, text):
    assert configure(text).text == "same"
    assert site(nginx) == "old\n"
    assert not any("reload" in line or line.startswith("nginx") for line in stubs.said)


@pytest.mark.parametrize("text", ["old # new words\n", "old\nmore\n", ""])
def test_other_directives_are_used(configure, nginx, text):
    assert configure(text).text == "reloaded"
    assert site(nginx) == text


def test_one_that_does_not_pass_never_replaces_the_good_one(configure, nginx, stubs):
    stubs.add("nginx", "echo 'unknown directive in /etc/nginx/conf.d/x' >&2; exit 1")
    result = configure()
    assert result.code == 40
    assert "unknown directive" in result.stderr
    assert site(nginx) == "old\n"
    assert not any("reload" in line for line in stubs.said)


def test_one_that_nginx_does_not_reload_with_is_taken_back(configure, nginx, stubs, tmp_path):
    # It fails once: the reload with the old one works again.
    failing = f"case $1 in reload) [ -e {tmp_path}/once ] || {{ : >{tmp_path}/once; echo no >&2; exit 1; }} ;; esac"
    stubs.add("systemctl", failing)
    result = configure()
    assert result.code == 41
    assert "the old one is back" in result.stderr
    assert site(nginx) == "old\n"
    assert "systemctl reload-or-restart nginx" in stubs.said


def test_what_is_taken_back_is_what_was_used_even_after_a_run_that_was_killed(
    configure, nginx, stubs, tmp_path
):
    (nginx / "conf.d" / SITE).write_text("new\n")
    (nginx / "conf.d" / f"{SITE}.pending").write_text("old\n")
    stubs.add("systemctl", "case $1 in reload) exit 1 ;; esac")
    assert configure().code == 41
    assert site(nginx) == "old\n"
    assert not (nginx / "conf.d" / f"{SITE}.pending").exists()


def test_a_first_site_that_does_not_start_is_not_left_behind(configure, nginx, stubs):
    (nginx / "conf.d" / SITE).unlink()
    stubs.add("systemctl", "case $1 in is-active | start) exit 3 ;; esac")
    assert configure().code == 41
    assert not (nginx / "conf.d" / SITE).exists()


def test_a_site_that_another_one_hides_is_named_and_taken_back(configure, nginx, stubs):
    stubs.add("curl", "printf 'HTTP/1.1 200\\r\\nServer: other\\r\\n'")
    result = configure()
    assert result.code == 42
    assert "does another site claim it?" in result.stderr
    assert site(nginx) == "old\n"
    assert "systemctl reload-or-restart nginx" in stubs.said


@pytest.mark.parametrize(
    ("live", "published", "code"),
    [
        ("slots/blue/3", "9001", 43),
        ("slots/green/3", "8081", 43),
        ("slots/green/3", "8082", 0),
        ("slots/none/0", "9001", 0),
        ("slots/blue/3", "", 0),  # no container, or no Docker that tells
    ],
)
def test_nginx_is_never_pointed_away_from_the_live_slot(
    configure, nginx, stubs, service, live, published, code
):
    point(service, live)
    stubs.add("docker", f"echo {published}" if published else "exit 1")
    result = configure()
    assert result.code == code
    assert site(nginx) == ("old\n" if code else "new\n")
    if code:
        assert f"is live on port {published}" in result.stderr
        assert not any("reload" in line for line in stubs.said)


def test_one_run_at_a_time_touches_nginx(configure, nginx, stubs, tmp_path):
    """Another one's file would be taken back, or taken for its own."""
    stubs.add("flock", 'exec /usr/bin/flock -w 1 "$3"')
    with (tmp_path / "edgepaas-nginx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = configure()
        assert result.code == 44
        assert "another program changes nginx's configuration" in result.stderr
        assert site(nginx) == "old\n"
    assert configure().text == "reloaded"


def test_a_run_waits_for_the_one_before_it(configure, nginx, tmp_path):
    holding = subprocess.Popen(["flock", str(tmp_path / "edgepaas-nginx.lock"), "sleep", "1"])
    while not (tmp_path / "edgepaas-nginx.lock").exists():
        time.sleep(0.01)
    begun = time.monotonic()
    assert configure().text == "reloaded"
    assert time.monotonic() - begun > 0.5
    holding.wait()


def test_debians_default_site_goes_and_can_be_restored(run, nginx, stubs):
    available, enabled = nginx / "sites-available", nginx / "sites-enabled"
    available.mkdir()
    enabled.mkdir()
    (available / "default").write_text("server {}\n")
    link = enabled / "default"
    link.symlink_to(available / "default")
    command = elsewhere("nginx-default", places=[("/etc/nginx/", nginx)])
    (result,) = run.host.read(command)
    assert not link.is_symlink()
    # What it says is what brings it back.
    words = result.text.split("to restore: ")[1].removesuffix(")").split()
    assert words[:2] == ["ln", "-s"]
    link.symlink_to(words[2])
    assert link.read_text() == "server {}\n"
    (nginx / "own").write_text("server {}\n")
    link.unlink()
    link.symlink_to(nginx / "own")
    (result,) = run.host.read(command)
    assert result.text == ""
    assert link.is_symlink(), "a link of the user's own is no default site"
