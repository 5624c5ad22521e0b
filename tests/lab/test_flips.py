"""The flag: flips lose nothing, and go back by themselves."""

import json
import os
import time
from pathlib import Path

import pytest

from edgepaas_tasks import settings as settings_module
from edgepaas_tasks.lab.load import Load
from edgepaas_tasks.release.traffic import flip_to
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.layout import other
from edgepaas_tasks.remote.service.releases import GOOD, Entry
from edgepaas_tasks.remote.ssh.transport import SSHTransport
from edgepaas_tasks.remote.target import Target
from edgepaas_tasks.service.service import describe
from tests.lab.conftest import SETTINGS

SOAK = bool(os.environ.get("EDGEPAAS_SOAK"))
FLIPS = 1000 if SOAK else 50
# So long that no number of flips outlasts it.
LOAD = {"connections": 64 if SOAK else 32, "seconds": 7200}


@pytest.fixture
def service(project):
    tree = settings_module.merge(SETTINGS, {"flip": {"bake": 0}})
    chosen = settings_module.load(tree, "lab")
    return describe(chosen)


@pytest.fixture
def host(project):
    lab = project.host.host
    transport = SSHTransport(
        Target(lab.name, lab.address, lab.port, lab.user, Path(lab.key), Path(lab.known_hosts))
    )
    found = Host(transport)
    yield found
    found.close()


HEALTHY = """
end=$(($(date +%s) + 60))
until curl -sf --max-time 5 "http://127.0.0.1:$1/health/ready" >/dev/null; do
    [ "$(date +%s)" -lt "$end" ] || exit 1
    sleep 0.1
done
"""


@pytest.fixture
def both(project):
    """Both slots run: the live release and the one before it."""
    project.change("# both")
    project.deploy("--version", "both")
    live = project.status()[0]
    idle = other(live["slot"])
    project.host.run(f"docker start guestbook-lab-{idle}")
    project.host.run(HEALTHY, {"blue": "8081", "green": "8082"}[idle])
    releases = {one["slot"]: one["release"] for one in project.status()[0]["containers"]}
    return live["slot"], releases


def move(host, service, slot, release):
    """A flip as a deploy does it, for which everybody has voted already."""
    entry = Entry(release, "flipped", "", "flip", GOOD, int(time.time()))
    host.stream([f"commit {entry.line()}\n".encode()], flip_to(service, slot, release))


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "short-lived"])
def test_flips_under_load_lose_nothing(project, service, host, both, keep_alive):
    slot = project.status()[0]["slot"]
    _, releases = both
    flips = FLIPS if keep_alive or SOAK else FLIPS // 5
    moments = []
    with Load(project.url, keep_alive=keep_alive, **LOAD) as load:
        time.sleep(0.5)
        for _ in range(flips):
            slot = other(slot)
            begun = time.monotonic()
            move(host, service, slot, releases[slot])
            moments.append(time.monotonic() - begun)
            time.sleep(0.1)
        # The last flip is the last moment at which a request may still reach the old slot: those under way may end.
        flipped = time.monotonic()
        time.sleep(1.5)
    report = load.report
    old, new = str(releases[other(slot)]), str(releases[slot])
    assert report.failed == 0, str(report)
    assert set(report.releases) == {old, new}, "both are seen, and nothing else"
    assert report.releases[old].last_begun < flipped
    assert report.releases[new].last > flipped + 1
    assert min(report.methods["GET"], report.methods["POST"]) > 10 * flips / 2
    print(f"{flips} flips, {report}")


def test_a_flag_that_moves_all_the_time_is_never_misread(project, both):
    """Thousands of flips a second apart from any deploy: each request sees the one or the other, whole."""
    live, releases = both
    flips = 20_000 if SOAK else 4_000
    flag = (
        "import os, sys, time\nbase, first, second, count = sys.argv[1:]\n"
        "for number in range(int(count)):\n"
        "    os.symlink((first, second)[number % 2], base + '/live.fast')\n"
        "    os.rename(base + '/live.fast', base + '/live')\n"
        "    time.sleep(0.002)\n"
    )
    # Of different length: a reader that takes one's length and the other's text would be found out.
    other_one, this_one = (
        f"slots/{other(live)}/{releases[other(live)]}",
        f"slots/{live}/{releases[live]}",
    )
    with Load(project.url, **LOAD) as load:
        words = ("/opt/edgepaas/guestbook-lab", other_one, this_one, str(flips))
        project.host.run('python3 -c "$@"', flag, *words)
    assert load.report.failed == 0, str(load.report)
    assert set(load.report.releases) == {str(number) for number in releases.values()}


def test_nginx_flip_moves_traffic_and_says_so(project, both):
    live, releases = both
    idle = other(live)
    said = project.inv("nginx.flip", "--env", "lab").stdout
    assert f"traffic moved to {idle}, release {releases[idle]}" in said
    assert project.get()["slot"] == idle
    status = project.status()[0]
    assert (status["slot"], status["drift"]) == (idle, [])
    assert f"routes to {idle}" in project.inv("nginx.status", "--env", "lab").stdout
    refused = project.inv("nginx.flip", "--env", "lab", "--slot", idle, code=1)
    assert f"{idle} is live already" in refused.stderr


def test_a_rollback_to_what_was_kept_warm_is_one_flip(project):
    project.configure(flip={"keep_warm": True})
    project.deploy("--version", "warm")
    before = project.status()[0]
    project.change("# after the warm one")
    assert "kept warm" in project.deploy("--version", "hot").stderr
    started = "docker inspect -f '{{.Id}} {{.State.StartedAt}}' guestbook-lab-$1"
    was = project.host.run(started, before["slot"])
    said = project.inv("rollback", "--env", "lab")
    assert "(3 round trips)" in said.stdout, "look, flip, finish"
    assert project.get()["version"] == "warm"
    assert project.host.run(started, before["slot"]) == was, "nothing was started"
    project.restore()
    assert (
        "did not run"
        not in project.inv("rollback", "--env", "lab", "--to", str(before["release"] + 1)).stderr
    )
    running = project.host.run("docker ps --format '{{.Names}}' | grep -c guestbook-lab")
    assert running == "1", "without keep_warm only the live one runs"
    (ledger,) = json.loads(project.inv("releases", "--env", "lab", "--json").stdout)["hosts"]
    last = ledger["releases"][-3:]
    assert [(one["action"], one["result"]) for one in last] == [
        *(("deploy", "good"), ("rollback", "good"), ("rollback", "good"))
    ]
    assert ledger["live"]["release"] == last[-1]["release"]
    assert last[-1]["release"] in ledger["kept"]
    assert "live" in project.inv("releases", "--env", "lab").stdout.splitlines()[-1]


def test_nginx_flip_refuses_a_slot_where_nothing_runs(project):
    project.deploy("--version", "alone")
    refused = project.inv("nginx.flip", "--env", "lab", code=1)
    assert "nothing runs in" in refused.stderr


# Reloads, and returns when none of the workers from before is left.
RELOADED = """
old=$(pgrep -P "$(systemctl show -p MainPID --value nginx)")
systemctl reload nginx
end=$(($(date +%s) + 60))
for each in $old; do
    while kill -0 "$each" 2>/dev/null; do [ "$(date +%s)" -lt "$end" ] || exit 1; sleep 0.1; done
done
"""


def test_a_file_cache_in_the_users_configuration_does_not_hide_a_flip(project, service, host, both):
    live, releases = both
    project.host.run(
        "echo 'open_file_cache max=1000 inactive=600s; open_file_cache_valid 600s;' "
        f">/etc/nginx/conf.d/user.conf; {RELOADED}"
    )
    try:
        for slot in (other(live), live, other(live), live):
            move(host, service, slot, releases[slot])
            assert project.get()["slot"] == slot
    finally:
        project.host.run("rm /etc/nginx/conf.d/user.conf; systemctl reload nginx")


def test_a_nginx_configuration_that_does_not_pass_never_replaces_the_good_one(project):
    before = project.host.run("md5sum /etc/nginx/conf.d/*")
    release = project.status()[0]["release"]
    assert upload(project, "11M") == "413"
    project.host.run("echo 'server { listen 80 default_server; }' >/etc/nginx/conf.d/user.conf")
    project.settings({**SETTINGS, "nginx": {"max_body": "20m"}})
    try:
        done = project.deploy(code=1)
    finally:
        project.host.run("rm /etc/nginx/conf.d/user.conf")
    assert "the new nginx configuration does not pass nginx -t; the old one stays" in done.stderr
    assert project.host.run("md5sum /etc/nginx/conf.d/*") == before
    assert project.status()[0]["release"] == release
    project.settings({**SETTINGS, "nginx": {"max_body": "20m"}})
    assert "nginx has a new configuration" in project.deploy().stderr
    assert "client_max_body_size 20m" in project.host.run("cat /etc/nginx/conf.d/edgepaas-*")
    assert upload(project, "11M") == "422", "the app's own answer to what is no entry"


def upload(project, size) -> str:
    """The status of a request with a body of that size."""
    text = (
        "head -c $1 /dev/zero | curl -s -o /dev/null -w '%{http_code}' --data-binary @- "
        "-H 'Content-Type: application/json' http://127.0.0.1/api/entries"
    )
    return project.host.run(text, size)


def test_websockets_and_forwarded_headers_pass(project):
    """nginx asks the app to upgrade, and tells it who asked."""
    slot = project.status()[0]["slot"]
    port = {"blue": 8081, "green": 8082}[slot]
    probe = (
        "import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);"
        f"s.bind(('127.0.0.1', {port})); s.listen(); c, _ = s.accept();"
        "print(c.recv(4096).decode()); c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')"
    )
    project.host.run(f"docker stop -t 1 guestbook-lab-{slot}")
    try:
        seen = project.host.run(
            'python3 -c "$1" & end=$(($(date +%s) + 60)); until ss -Hltn "sport = :$2" | grep -q .; do '
            '[ "$(date +%s)" -lt "$end" ] || exit 1; sleep 0.1; done; curl -s -o /dev/null -H "Host: shop.example" '
            '-H "Upgrade: websocket" -H "Connection: Upgrade" -H "X-Forwarded-For: 192.0.2.7" '
            "http://127.0.0.1/ws; wait",
            probe,
            str(port),
        ).lower()
    finally:
        project.host.run(f"docker start guestbook-lab-{slot}")
    for line in (
        *("upgrade: websocket", "connection: upgrade", "host: shop.example"),
        *("x-forwarded-for: 192.0.2.7\r", "x-forwarded-proto: http"),
    ):
        assert line in seen
