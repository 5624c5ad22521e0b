"""Two hosts: all or none."""

from edgepaas_tasks.lab.load import Load


def test_both_hosts_get_the_release_and_neither_when_one_can_not(pair):
    pair.deploy("--version", "one")
    assert [host["version"] for host in pair.status()] == ["one", "one"]
    assert len({host["release"] for host in pair.status()}) == 1

    pair.change("# second")
    second = pair.hosts[1]
    # A port that somebody else has: the release can not start on the second host.
    idle = {"blue": 8082, "green": 8081}[pair.status()[1]["slot"]]
    second.run(f"systemd-run -q --unit squatter python3 -m http.server {idle} --bind 127.0.0.1")
    with Load(pair.url, connections=4) as load:
        done = pair.deploy("--version", "two", code=1)
    assert "edge2: " in done.stderr
    assert load.report.failed == 0, str(load.report)
    assert [(host["version"], host["health"]["ok"]) for host in pair.status()] == [
        ("one", True)
    ] * 2
    assert [host.leases() for host in pair.hosts] == ["", ""]

    second.run("systemctl stop squatter")
    pair.deploy("--version", "three")
    assert [host["version"] for host in pair.status()] == ["three", "three"]
    pair.inv("rollback", "--env", "lab")
    assert [host["version"] for host in pair.status()] == ["one", "one"]


def test_one_that_fails_behind_nginx_takes_the_others_back(pair):
    before = pair.status()
    pair.change("# third")
    # nginx of the second host is down, and does not come up.
    pair.hosts[1].run("echo 'no good' >/etc/nginx/conf.d/user.conf; systemctl stop nginx")
    done = pair.deploy("--version", "four", code=1)
    pair.hosts[1].run("rm /etc/nginx/conf.d/user.conf; systemctl start nginx")
    assert "edge2: nginx is not running on this host" in done.stderr
    after = pair.status()
    assert [host["release"] for host in after] == [host["release"] for host in before]


def test_a_host_that_is_down_is_named_and_the_others_are_told(pair):
    container = pair.hosts[1].host.container
    import subprocess

    subprocess.run(["docker", "pause", container], check=True, capture_output=True)
    try:
        done = pair.deploy("--version", "five", code=1)
        status = pair.status()
    finally:
        subprocess.run(["docker", "unpause", container], check=True, capture_output=True)
    assert "edge2: " in done.stderr
    assert status[0]["health"]["ok"]
    assert "edge2" in status[1]["error"]
    assert pair.hosts[0].leases() == ""
