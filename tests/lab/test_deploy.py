"""Deploys of a real app to a real host, under load."""

import json
import re
import signal
import time

from edgepaas_tasks.lab import hosts as lab_hosts
from edgepaas_tasks.lab.load import Load
from tests.lab.conftest import BEHIND_NGINX
from tests.lab.faults import Fault

KEPT: list[int] = []  # the release that was live when the entry of this text was written
TEXT = "kept for ever"


def keep(project) -> None:
    project.write(TEXT)
    KEPT[:] = [project.status()[0]["release"]]


def kept(project) -> int:
    """How many entries of that text there are, by the file itself: the load of other tests writes thousands."""
    slot = project.status()[0]["slot"]
    code = (
        "import sqlite3, sys; print(sqlite3.connect('/data/guestbook.db')"
        ".execute('SELECT count(*) FROM entries WHERE text = ?', sys.argv[1:]).fetchone()[0])"
    )
    return int(
        project.host.run(f'docker exec guestbook-lab-{slot} python -c "$1" "$2"', code, TEXT)
    )


def journal(project) -> list[dict]:
    text = project.host.run("cat /opt/edgepaas/guestbook-lab/history.jsonl")
    return [json.loads(line) for line in text.splitlines()]


def test_deploy_twice_and_roll_back(project):
    project.deploy("--version", "one")
    first = project.status()[0]
    assert (first["version"], first["health"]["ok"], first["drift"]) == ("one", True, [])
    keep(project)

    project.change()
    said = project.deploy("--version", "two").stdout
    second = project.status()[0]
    assert second["version"] == "two"
    assert second["release"] == first["release"] + 1
    assert second["slot"] != first["slot"]
    assert f"release {second['release']}" in said
    assert project.get()["version"] == "two"

    project.inv("rollback", "--env", "lab")
    third = project.status()[0]
    assert (third["version"], third["release"]) == ("one", first["release"])
    assert third["public"]["release"] == first["release"]
    assert project.get()["release"] == str(first["release"])
    assert TEXT in project.entries()

    assert "round trips" in project.deploy("--version", "three").stdout
    assert project.status()[0]["release"] == second["release"] + 1, "numbers are never used twice"
    assert TEXT in project.entries()


def test_a_code_only_change_takes_few_round_trips_and_bytes(project):
    project.deploy("--version", "before")
    project.change("# a small change of code")
    execs, logins = project.host.execs(), project.host.logins()
    said = project.deploy("--version", "after")
    assert project.host.execs() - execs <= 8
    assert project.host.logins() - logins == 1, "one connection for the whole deploy"
    sent = float(re.search(r"ship .* s  ([0-9.]+) of ", said.stderr)[1])
    assert sent < 1, "megabytes of changed layers"


def test_a_new_version_under_load_loses_nothing(project):
    old = project.status()[0]
    project.change("# under load")
    with Load(project.url) as load:
        time.sleep(1)
        project.deploy("--version", "loaded")
        drained = time.monotonic()
        time.sleep(1)
    new = project.status()[0]
    report = load.report
    assert report.failed == 0, str(report)
    assert set(report.releases) == {str(old["release"]), str(new["release"])}
    assert report.releases[str(old["release"])].last < drained, (
        "none from the old one after its drain"
    )
    assert min(report.methods["GET"], report.methods["POST"]) > 100


def test_a_version_that_never_becomes_healthy_changes_nothing_that_serves(project):
    before = project.status()[0]
    settings = project.app / "guestbook" / "settings.py"
    settings.write_text(settings.read_text() + "\nimport a_module_that_is_not_there\n")
    with Load(project.url, connections=8) as load:
        done = project.deploy("--version", "broken", code=1)
    assert load.report.failed == 0, str(load.report)
    assert set(load.report.releases) == {str(before["release"])}
    assert (
        "likely cause: an import fails: No module named 'a_module_that_is_not_there'" in done.stderr
    )
    assert "ModuleNotFoundError" in done.stderr
    assert f"release {before['release']} ({before['slot']}) keeps serving" in done.stderr
    assert project.host.leases() == ""
    after = project.status()[0]
    assert (after["release"], after["health"]["ok"]) == (before["release"], True)

    project.restore()
    project.deploy("--version", "mended")
    assert project.get()["version"] == "mended"


def test_a_version_that_fails_behind_nginx_is_flipped_back(project):
    """It answers its own port, and not a request that came through a proxy."""
    before = project.status()[0]
    app = project.app / "guestbook" / "app.py"
    app.write_text(
        app.read_text()
        .replace("def ready(response: Response)", "def ready(response: Response, request: Request)")
        .replace(
            "    response.status_code, body = health.ready(",
            "    if behind_nginx(request):\n        response.status_code = 500\n"
            "        return {}\n    response.status_code, body = health.ready(",
        )
        .replace("import FastAPI, Form", "import FastAPI, Form, Request")
        + BEHIND_NGINX
    )
    done = project.deploy("--version", "proxy-shy", code=1)
    assert "failed on the public path and was flipped back" in done.stderr
    assert "answered 500" in done.stderr
    after = project.status()[0]
    assert (after["release"], after["slot"]) == (before["release"], before["slot"])
    assert project.host.leases() == ""


def test_a_deploy_that_is_killed_is_finished_by_the_next(project):
    project.change("# killed")
    process = project.start("deploy", "--env", "lab", "--version", "killed")
    while "start " not in project.host.run(
        "cat /opt/edgepaas/*/lease; docker ps --format '{{.Names}}'"
    ):
        if project.host.run("docker ps --format '{{.Names}}'").count("guestbook-lab") == 2:
            break
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert project.get("/health/ready")["status"] == "ready"
    said = project.deploy("--version", "after-the-kill")
    assert "deployed guestbook after-the-kill" in said.stdout
    status = project.status()[0]
    assert (status["version"], status["drift"]) == ("after-the-kill", [])


def test_a_deploy_that_is_cancelled_gives_the_lease_back(project):
    project.change("# cancelled")
    process = project.start("deploy", "--env", "lab", "--version", "cancelled")
    while not project.host.leases():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert project.host.leases() == ""
    assert project.status()[0]["health"]["ok"]


def test_two_deploys_at_once_do_not_meet(faulty):
    words = faulty.words("deploy", changed=True)
    first = faulty.start(words, Fault("hold", "before", "start release"))
    faulty.reach(first)
    refused = faulty.project.deploy("--version", "second-of-two", code=1)
    assert "another deploy is under way" in refused.stderr
    assert f"process {first.pid}" in refused.stderr
    faulty.go()
    done, _ = faulty.end(first)
    assert done.returncode == 0, done.stderr
    assert faulty.project.get()["version"] == words[-1]


def test_values_arrive_byte_for_byte(project):
    values = {
        "PLAIN": "it's $5",
        "MIXED": "a'b\"c\\",
        "LINES": "-----BEGIN KEY-----\nabc\n\n-----END KEY-----\n",
        "ODD": " # 100% `id` $HOME \\\\ \t☃ ",
        "PORT": "x",
    }
    tree = {
        **__import__("tests.lab.conftest", fromlist=["SETTINGS"]).SETTINGS,
        "variables": {name: {"type": "string"} for name in values},
    }
    project.settings(tree)
    given = []
    for name, value in values.items():
        (project.folder / name).write_bytes(value.encode())
        given += ["--set", f"{name}={value}"]
    project.deploy("--version", "values", *given)
    slot = project.status()[0]["slot"]
    dump = "import os, json; print(json.dumps(dict(os.environ)))"
    seen = __import__("json").loads(
        project.host.run(f'docker exec guestbook-lab-{slot} python -c "$1"', dump)
    )
    assert {name: seen[name] for name in values} == values
    release = project.status()[0]["release"]
    path = f"/opt/edgepaas/guestbook-lab/releases/{release}/.env"
    assert project.host.run(f"stat -c %a {path}") == "600"
    assert "EDGEPAAS_RELEASE" in seen
    assert "HOSTNAME" in seen
    project.restore()
    project.deploy("--version", "plain")


def test_the_container_runs_as_it_should(project):
    slot = project.status()[0]["slot"]
    shown = project.host.run(
        "docker inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Memory}} "
        '{{index .HostConfig.LogConfig.Config "max-size"}} {{.Config.User}} '
        "{{json .HostConfig.PortBindings}}' guestbook-lab-$1",
        slot,
    )
    assert shown.startswith("unless-stopped 268435456 10m 10001:10001 ")
    assert '"HostIp":"127.0.0.1"' in shown
    assert project.host.run("stat -c %u /opt/edgepaas/guestbook-lab/data") == "10001"


def test_data_of_another_user_is_found_before_anything_starts(project):
    before = project.status()[0]
    recipe = project.app / "Dockerfile"
    recipe.write_text(recipe.read_text().replace("USER 10001:10001", "USER 10002:10002"))
    said = project.deploy("--version", "another-user", code=1).stderr
    assert "was not started in" in said
    assert "/data belongs to uid 10001, the image runs as 10002" in said
    after = project.status()[0]
    assert (after["release"], after["health"]["ok"]) == (before["release"], True)
    owners = project.host.run("stat -c %u /opt/edgepaas/guestbook-lab/data/* | sort -u")
    assert owners == "10001"


def test_after_five_deploys_a_rollback_and_a_reboot_every_row_is_there(project):
    if not KEPT:  # this test by itself
        keep(project)
        project.deploy("--version", "to-leave")
        project.inv("rollback", "--env", "lab")
    while (
        len([e for e in journal(project) if e["result"] == "good" and e["release"] > KEPT[0]]) < 5
    ):
        project.deploy("--version", "one-more")
    assert [e for e in journal(project) if e["action"] == "rollback" and e["result"] == "good"]
    before = project.status()[0]
    project.write("before the reboot")
    lab_hosts.reboot(project.host.host)
    deadline = time.monotonic() + 120
    while not project.status()[0]["health"]["ok"]:
        assert time.monotonic() < deadline, project.status()
        time.sleep(0.5)
    after = project.status()[0]
    assert (after["release"], after["slot"], after["drift"]) == (
        before["release"],
        before["slot"],
        [],
    )
    assert "before the reboot" in project.entries()
    assert kept(project) == 1


def test_the_demo_loses_nothing_and_says_so(project):
    said = project.inv("lab.demo", "--connections", "8").stdout
    assert "was replaced by" in said
    assert re.search(r"requests sent \d{3,}, failed 0 ", said)
    assert project.url in said
