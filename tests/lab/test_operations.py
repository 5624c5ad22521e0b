"""What an operator does between two deploys: the maintenance page, the app's output, a command inside."""

import http.client
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from edgepaas_tasks.settings import merge
from tests.lab.conftest import SETTINGS
from tests.lab.test_secrets import DECLARED, GIVEN, Watch, search


@dataclass(frozen=True)
class Answer:
    begun: float
    kind: str  # app, page, or what was wrong


class Visitors:
    """Requests all the time over kept connections; each answer is the app's, or the page, or lost."""

    def __init__(self, url, count=8):
        self.address = url.removeprefix("http://")
        self.answers = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def between(self, first, last):
        return Counter(one.kind for one in self.answers if first < one.begun < last)

    def _work(self, number):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                kind = self._ask(connection, post=number % 2)
            except (OSError, http.client.HTTPException) as error:
                kind = f"lost: {error!r}"
                connection.close()
            self.answers.append(Answer(begun, kind))
            time.sleep(0.01)
        connection.close()

    def _ask(self, connection, *, post):
        if post:
            body = '{"author": "visitor", "text": "during maintenance"}'
            connection.request("POST", "/api/entries", body, {"Content-Type": "application/json"})
        else:
            connection.request("GET", "/version", headers={"If-None-Match": "*"})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status == 503 and answer.headers["X-EdgePaaS-Maintenance"] == "on":
            return "page" if answer.headers["Retry-After"] == "77" and "soon" in text else text
        wanted = 201 if post else 200
        return "app" if answer.status == wanted and '"release"' in text else str(answer.status)


@pytest.fixture
def page(project):
    (project.folder / "page.html").write_text("<h1>soon</h1>")
    tree = merge(SETTINGS, {"maintenance": {"page": "page.html", "retry_after": 77}})
    project.settings(tree)
    yield tree
    project.inv("maintenance", "--env", "lab", "--off")


def test_maintenance_switches_every_answer_and_loses_none(project, page):
    project.inv("nginx.configure", "--env", "lab")
    loaded = project.host.run("systemctl show -p ExecReload nginx")
    with Visitors(project.url) as visitors:
        time.sleep(0.5)
        asked = time.monotonic()
        said = project.inv("maintenance", "--env", "lab", "--on").stdout
        on = time.monotonic()
        assert "edge1: maintenance is on" in said
        assert "reloaded" not in said
        # A deploy goes through all the same, and leaves the page up: its probes come from the host itself.
        project.deploy("--version", "maintained")
        (status,) = project.status()
        assert (status["version"], status["health"]["ok"]) == ("maintained", True)
        assert status["maintenance"] > 0
        assert "edge1: in maintenance for" in project.inv("status", "--env", "lab").stdout
        off = time.monotonic()
        project.inv("maintenance", "--env", "lab", "--off")
        back = time.monotonic()
        time.sleep(0.5)
    assert set(visitors.between(0, asked)) == {"app"}
    assert set(visitors.between(asked, on)) <= {"app", "page"}
    assert set(visitors.between(on, off)) == {"page"}
    assert set(visitors.between(off, back)) <= {"app", "page"}
    assert set(visitors.between(back, time.monotonic())) == {"app"}
    assert loaded == project.host.run("systemctl show -p ExecReload nginx"), "no reload"
    assert project.status()[0]["maintenance"] == 0


def test_addresses_of_the_allow_list_see_the_app_in_maintenance(project, page):
    assert "reloaded" not in project.inv("maintenance", "--env", "lab", "--on").stdout
    with pytest.raises(Exception, match="503"):
        project.get()
    ours = project.host.run("ip route | sed -n 's/^default via \\([0-9.]*\\) .*/\\1/p'")
    project.settings(merge(page, {"maintenance": {"allow": ["2001:db8::/32", ours]}}))
    assert "reloaded once" in project.inv("maintenance", "--env", "lab", "--on").stdout
    assert project.get()["release"] != "0"
    shown = project.host.run(
        "curl -s -o /dev/null -w '%{http_code}' -H 'X-Forwarded-For: 192.0.2.9' http://127.0.0.1/"
    )
    assert shown == "503", "what a proxy on the host forwards is not let in"


# Its signals wait meanwhile: it goes on some time after the one that asks for a reload, the lowest bit (signal(7)).
SLOW = """
master=$(systemctl show -p MainPID --value nginx)
kill -STOP "$master"
setsid timeout 120 sh -c "until grep -q '^ShdPnd:.*[13579bdf]$' /proc/$master/status; do sleep 0.1; done; sleep 3
kill -CONT $master" >/dev/null 2>&1 &
"""


def test_a_new_site_is_in_use_when_it_is_said_to_be(project, page):
    """nginx takes its time to reload, and its old workers answer until then."""
    project.inv("nginx.configure", "--env", "lab")
    ours = project.host.run("ip route | sed -n 's/^default via \\([0-9.]*\\) .*/\\1/p'")
    project.settings(merge(page, {"maintenance": {"allow": ["192.0.2.3", ours]}}))
    project.host.run(SLOW)
    assert "reloaded once" in project.inv("maintenance", "--env", "lab", "--on").stdout
    assert project.get()["release"] != "0"


def test_a_site_that_nginx_can_not_reload_with_is_taken_back(project):
    """Its test does not tell: a port that something else has is found out when nginx opens it."""
    before = project.host.run("cat /etc/nginx/conf.d/edgepaas-*.conf")
    project.host.run("systemd-run -q --unit taken python3 -m http.server 8099")
    try:
        project.host.run("until ss -Hltn 'sport = 8099' | grep -q .; do sleep 0.1; done")
        project.settings(merge(SETTINGS, {"nginx": {"listen": 8099}}))
        refused = project.inv("nginx.configure", "--env", "lab", code=1).stderr
        assert "edge1: " in refused
        assert "bind() to 0.0.0.0:8099 failed (98: Address already in use)" in refused
        assert "the old one is back" in refused
        assert project.host.run("cat /etc/nginx/conf.d/edgepaas-*.conf") == before
        project.host.run("systemctl restart nginx")
    finally:
        project.host.run("systemctl stop taken")
    assert project.get()["release"] != "0"


def test_nginx_is_never_pointed_away_from_the_port_that_serves(project):
    before = project.host.picture()
    live = project.status()[0]["slot"]
    ports = {"blue": 8081, "green": 8082}
    project.settings(merge(SETTINGS, {"slots": {live: 9099}}))
    for words in (("nginx.configure",), ("deploy",), ("maintenance", "--on")):
        refused = project.inv(*words, "--env", "lab", code=1).stderr
        assert f"{live} is live on" in refused
        assert str(ports[live]) in refused
    assert project.get()["release"] != "0"
    assert project.host.picture() == before


def test_maintenance_is_asked_about_without_changing_it(project):
    before = project.host.picture()
    assert "maintenance is off" in project.inv("maintenance", "--env", "lab").stdout
    project.inv("maintenance", "--env", "lab", "--on", "--off", code=2)
    project.settings(merge(SETTINGS, {"maintenance": {"page": "nowhere.html"}}))
    refused = project.inv("maintenance", "--env", "lab", "--on", code=2)
    assert "nowhere.html: No such file" in refused.stderr
    assert project.host.picture() == before


def speak(project, text, slot=None):
    """The app's process writes a line."""
    slot = slot or project.status()[0]["slot"]
    words = f'docker exec guestbook-lab-{slot} sh -c \'echo "$1" >/proc/1/fd/1\' sh "$1"'
    project.host.run(words, text)


def remains(project):
    """What a command that was interrupted has left on the host; soon there is nothing."""
    deadline = time.monotonic() + 60
    look = (
        "ps -eo args | grep -E '^(docker (logs|exec)|sed -u|sleep 31)' || :; ls -d /tmp/tmp.* || :"
    )
    while left := project.host.run(f"({look}) 2>/dev/null"):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.3)
    return ""


def test_logs_are_shown_of_the_live_the_previous_or_both(project):
    project.change("# logs")
    before = project.status()[0]["slot"]
    speak(project, "said by the previous one")
    project.deploy("--version", "logs")
    speak(project, "said by the live one")
    live = project.status()[0]["slot"]

    def logs(*words, code=0):
        return project.inv("logs", "--env", "lab", *words, code=code).stdout.splitlines()

    assert logs()[-1] == "said by the live one"
    assert "said by the previous one" in logs("--slot", "previous", "--lines", "all")
    assert logs("--slot", "previous", "--lines", "1") != logs("--lines", "1")
    both = logs("--slot", "both", "--lines", "all")
    assert both[-1] == f"{live} | said by the live one"
    assert f"{before} | said by the previous one" in both
    assert logs("--since", "2099-01-01") == []
    assert "said by the live one" in logs("--since", "1d")
    for words in (("--since", "yesterday"), ("--lines", "few"), ("--slot", "red"), ("--host", "x")):
        logs(*words, code=2)


def test_logs_are_followed_until_interrupted_and_leave_nothing_behind(project):
    speak(project, "said before")
    process = project.start("logs", "--env", "lab", "--follow", "--lines", "1")
    assert process.stdout.readline() == "said before\n"
    speak(project, "said while followed")
    assert process.stdout.readline() == "said while followed\n"
    assert "docker logs" in project.host.run("ps -eo args | grep '^docker logs'")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "", "")
    assert remains(project) == ""


def test_a_command_runs_inside_with_the_resolved_environment(project):
    project.settings(merge(SETTINGS, DECLARED))
    project.deploy("--version", "inside", **GIVEN)
    container = f"guestbook-lab-{project.status()[0]['slot']}"
    resolve = (
        'printf "%s\\n" "$2" | docker exec -i "$1" '
        "sh -c 'mkdir -p /run/edgepaas && cat >>/run/edgepaas/env'"
    )
    words = ("exec", "--env", "lab")
    with Watch(project) as watch:
        text = "cat; echo $EDGEPAAS_RELEASE $TOKEN; echo to stderr: $REPORTS_URL >&2; exit 7"
        done = project.inv(*words, text, code=7)
        project.host.run(resolve, container, "RESOLVED='it is $5'")
        again = project.inv(*words, 'echo "$RESOLVED"; printf %s "$EDGEPAAS_COMMAND"')
    release = project.status()[0]["release"]
    assert done.stdout == f"{release} ***\n"
    assert done.stderr == "to stderr: ***\n"
    assert again.stdout == "it is $5\n"
    search(watch.everything, "a process list")
    project.inv(*words, "true", "--host", "nobody", code=2)
    project.inv(*words, " ", code=2)


def test_a_command_that_is_interrupted_ends_inside_too(project):
    process = project.start("exec", "--env", "lab", "echo begun; sleep 310; echo never")
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert remains(project) == ""
