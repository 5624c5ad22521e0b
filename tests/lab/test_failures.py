"""Deploys that fail: the message says why, the report has what it rests on, and nobody else's work is hidden by it."""

import json
import re
import shutil
import stat
import subprocess

import pytest

from edgepaas_tasks.settings import merge
from tests.lab.conftest import SETTINGS, broken_image
from tests.lab.test_secrets import TOKEN, search

DATA = "/opt/edgepaas/guestbook-lab/data"
BREAKABLE = {
    "variables": {
        "BREAK": {"type": "string"},
        "TOKEN": {"type": "string", "secret": True},
    },
    "health": {"timeout": 60},
}
# An app that runs and never answers as it should: what there is to see shows once it has begun, the rest is waiting.
WAITED = {"health": {"timeout": 10}}


@pytest.fixture(scope="module")
def image(ready, tmp_path_factory):
    """The guestbook with one more layer: an app that breaks as it is told."""
    yield from broken_image(ready, tmp_path_factory.mktemp("breakable"))


@pytest.fixture
def broken(project, image):
    """Deploys the app broken in one way."""

    def deploy(how, settings=None, code=1, **environment):
        project.settings(merge(merge(SETTINGS, BREAKABLE), settings or {}))
        given = ("--image", image, "--version", f"broken-{how}", "--set", f"BREAK={how}")
        process = project.start("deploy", "--env", "lab", *given, **environment)
        out, err = process.communicate(timeout=900)
        assert process.returncode == code, f"{out}\n{err}"
        # The app's own traceback is indented, below what is said of it.
        assert not re.search("^Traceback", err, re.M)
        return subprocess.CompletedProcess(given, code, out, err)

    deploy.project = project
    shutil.rmtree(project.folder / ".edgepaas", ignore_errors=True)
    return deploy


def cause(done):
    (found,) = re.findall("likely cause: (.*)", done.stderr)
    return found


def reports(project):
    return sorted((project.folder / ".edgepaas" / "reports").glob("*.md"))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("port", "the app listens on port 9000, not on container.port 8000"),
        ("loopback", "the app listens on 127.0.0.1 inside the container: bind it to 0.0.0.0"),
        ("https", "redirects to https://shop.example/health/ready: the app wants https"),
        ("host", "the app refuses the host name localhost: allow it (Django's ALLOWED_HOSTS"),
        ("method", "/health/ready does not answer GET"),
        ("login", "/login: does it want a login? the gate follows nothing"),
        ("variable", "the variable API_KEY is missing"),
        ("import", "an import fails: No module named 'a_module_that_is_not_there'"),
        ("database", 'the database cannot be reached: connection to server at "127.0.0.1"'),
        ("memory", "it ran out of memory: raise container.memory"),
        ("processor", "built for another processor architecture than the amd64 of the host"),
    ],
)
def test_each_way_to_break_is_recognised(broken, how, says):
    before = broken.project.status()[0]["release"]
    settings = WAITED if how in ("port", "loopback", "https", "host", "method", "login") else {}
    assert says in cause(broken(how, settings))
    assert broken.project.status()[0]["release"] == before


def test_a_health_path_that_is_not_there_is_recognised(broken):
    done = broken("", settings={"health": {"path": "/ready", **WAITED["health"]}})
    assert cause(done) == "the app answers, but has no /ready: check health.path"


def test_a_full_disk_is_recognised(broken):
    host = broken.project.host
    host.run(f"mount -t tmpfs -o size=1m,mode=755 full {DATA}")
    try:
        done = broken("full")
    finally:
        host.run(f"umount {DATA}")
    assert cause(done) == f"the disk is full ({DATA} has 0 MB left)"


def test_a_mount_that_may_not_be_read_is_recognised(broken):
    host = broken.project.host
    host.run(f"touch {DATA}/locked; chmod 600 {DATA}/locked")
    try:
        done = broken("mount")
    finally:
        host.run(f"rm {DATA}/locked")
    assert "permission denied on the mount /data (/data/locked): the image runs as" in cause(done)


def test_data_of_another_user_is_recognised(broken):
    host = broken.project.host
    host.run(f"chown 4711 {DATA}")
    try:
        done = broken("")
    finally:
        host.run(f"chown 10001 {DATA}")
    assert "belongs to uid 4711, the image runs as 10001" in done.stderr


def test_a_failed_deploy_leaves_a_report_without_secrets(broken, tmp_path):
    """After a flip back: the container had traffic, and still runs."""
    summary = tmp_path / "summary.md"
    summary.write_text("what was there\n")
    given = {"TOKEN": TOKEN, "GITHUB_STEP_SUMMARY": str(summary)}
    done = broken("proxy", {"flip": {"path": "/public"}}, **given)
    (path,) = reports(broken.project)
    assert f"report: .edgepaas/reports/{path.name}" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"
    text = path.read_text()
    number = re.search("release ([0-9]+) \\(broken-proxy\\)", text)[1]
    assert path.name.startswith(f"guestbook-lab-{number}-")
    live = broken.project.status()[0]
    for part in (
        "failed on the public path and was flipped back",
        f"| edge1 | release {live['release']} ({live['version']}) | {live['slot']} | 200 in ",
        "container: running, exit code 0, out of memory: false, restarts: 0",
        "health probe: 200 in ",
        "listening inside: 0.0.0.0:8000",
        "no proxies here ***",
        "nginx's last errors",
        "| flip | ",
    ):
        assert part in text, part
    shown = summary.read_text()
    plan, failure = shown.split("### ❌ guestbook in lab: deploy of broken-proxy failed")
    assert plan.startswith(
        f"what was there\n### guestbook in lab: plan\n\nversion broken-proxy as release {number}, image "
    )
    assert f"| edge1 | release {live['release']} ({live['version']}) in " in plan
    assert "BREAK" in plan
    assert "| flip | " in failure
    assert f"| edge1 | release {live['release']} " in failure
    for where, what in (("report", text), ("summary", shown), ("output", done.stderr)):
        search(what, where)


def test_hooks_and_the_summary_see_a_deploy_and_its_rollback(broken, tmp_path):
    project = broken.project
    (project.folder / "announce.py").write_text(
        "import json, os, dataclasses\n"
        "def tell(event):\n"
        "    with open('told', 'a') as file:\n"
        "        seen = [event.hook, event.action, event.version, event.release, event.result]\n"
        "        print(json.dumps([*seen, 'TOKEN' in os.environ]), file=file)\n"
    )
    every = dict.fromkeys(("before", "after", "on_failure", "on_rollback"), ["announce:tell"])
    hooks = {**every, "after": [{"run": "announce:tell", "secrets": ["TOKEN"]}, "exit 7"]}
    summary = tmp_path / "summary.md"
    given = {"TOKEN": TOKEN, "GITHUB_STEP_SUMMARY": str(summary)}
    tree = merge(merge(SETTINGS, BREAKABLE), {"hooks": hooks})
    project.settings(tree)
    done = project.deploy("--version", "hooked", **given)
    assert "warning: hook after 'exit 7': exit 7" in done.stderr
    release = project.status()[0]["release"]
    shown = summary.read_text()
    plan, _ = shown.split(f"### ✅ guestbook in lab: deployed hooked as release {release}")
    assert f"version hooked as release {release}\n" in plan
    assert f"| edge1 | {release} | " in shown
    assert "| flip | " in shown
    search(shown, "the summary")
    project.inv("rollback", "--env", "lab", TOKEN=TOKEN)
    back = project.status()[0]
    broken("variable", settings={"hooks": hooks}, **given)
    told = [json.loads(line) for line in (project.folder / "told").read_text().splitlines()]
    (project.folder / "told").unlink()
    assert told == [
        ["before", "deploy", "hooked", 0, "", False],
        ["after", "deploy", "hooked", release, "success", True],
        ["before", "rollback", "", 0, "", False],
        ["after", "rollback", back["version"], back["release"], "success", True],
        ["on_rollback", "rollback", back["version"], back["release"], "success", False],
        ["before", "deploy", "broken-variable", 0, "", False],
        ["on_failure", "deploy", "broken-variable", release + 1, "failure", False],
    ]


def test_a_hook_that_fails_before_a_deploy_stops_it_with_nothing_touched(broken):
    project = broken.project
    logins, before = project.host.logins(), project.host.picture()
    refused = broken("", settings={"hooks": {"before": ["echo closed on fridays; exit 3"]}})
    assert "exit 3\n  closed on fridays\n" in refused.stderr
    assert "no host was touched" in refused.stderr
    assert project.host.logins() == logins
    assert project.host.picture() == before
    assert reports(project) == []
    unknown = {"hooks": {"after": [{"run": "true", "secrets": ["NOBODY"]}]}}
    refused = broken("", settings=unknown, code=2)
    assert "NOBODY is not a declared variable" in refused.stderr
