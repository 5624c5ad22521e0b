"""Secrets planted and looked for: process lists of both machines, output, journals, what lies on the host."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from edgepaas_tasks.env.values.redaction import forms
from edgepaas_tasks.settings import merge
from tests.lab.conftest import SETTINGS

TOKEN = "s3ntinel-t0ken/with+odd=chars&$x"
DSN = "postgresql://user:p%40ss-s3ntinel@db.example/x"
DECLARED = {
    "variables": {
        "TOKEN": {"type": "string", "secret": True, "required": True},
        "REPORTS_URL": {"type": "url", "secret": True},
    }
}
GIVEN = {"TOKEN": TOKEN, "REPORTS_URL": DSN}
LOOKED_FOR = forms(TOKEN) | forms(DSN)


class Watch:
    """The command lines of all processes, of this machine and of the host, from begin to end."""

    def __init__(self, project):
        self.host = project.host
        self.seen = set()
        self._stop = threading.Event()

    def __enter__(self):
        self.host.run(
            "rm -f /tmp/stop; timeout 900 sh -c 'while [ ! -e /tmp/stop ]; do "
            'cat /proc/[0-9]*/cmdline 2>/dev/null; sleep 0.01; done | tr "\\0" " " | fold -w 100000 >/tmp/seen\' '
            ">/dev/null 2>&1 & echo $! >/tmp/seen.pid"
        )
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):  # it has ended
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))

    def __exit__(self, *_):
        watching = self._thread.is_alive()
        self._stop.set()
        self._thread.join()
        there = self.host.run(
            "at=$(cat /tmp/seen.pid); kill -0 $at || exit 1; touch /tmp/stop; "
            "while kill -0 $at 2>/dev/null; do sleep 0.1; done; cat /tmp/seen; rm -f /tmp/seen"
        )
        assert watching
        self.everything = "\n".join(self.seen) + there


def search(text, where):
    found = [form for form in LOOKED_FOR if form in text]
    assert not found, f"a secret stands in {where}"


@pytest.fixture
def secretive(project):
    project.settings(merge(SETTINGS, DECLARED))
    yield project
    project.restore()


# One secret in every other source that takes them; all contain what is looked for.
ELSEWHERE = {
    name: f"{TOKEN}-{name}" for name in ("FROM_DOTENV", "FROM_FILE", "FROM_SSM", "FROM_SET")
}


def test_a_deploy_shows_no_secret_anywhere(secretive, aws_server, tmp_path):
    import boto3

    secret = {"type": "string", "secret": True, "required": True}
    declared = {**DECLARED["variables"], **dict.fromkeys(ELSEWHERE, secret)}
    secretive.settings(merge(SETTINGS, {"variables": declared, "ssm": {"path": "/guestbook/lab"}}))
    for name in ("FROM_FILE", "FROM_SET"):
        (tmp_path / name).write_text(ELSEWHERE[name])
    (secretive.folder / ".env").write_text(
        f"FROM_DOTENV='{ELSEWHERE['FROM_DOTENV']}'\nFROM_FILE_FILE={tmp_path / 'FROM_FILE'}\n"
    )
    boto3.client("ssm").put_parameter(
        Name="/guestbook/lab/FROM_SSM", Value=ELSEWHERE["FROM_SSM"], Type="SecureString"
    )
    given = ("--set", f"FROM_SET=@{tmp_path / 'FROM_SET'}")
    with Watch(secretive) as watch:
        done = secretive.deploy("--version", "secret", *given, **GIVEN)
        for words in (
            ("env.show", *given),
            ("env.diff", *given),
            ("env.check", *given),
            ("deploy", "--dry-run", *given),
            ("preflight",),
            ("env.render", "--output", "rendered", *given),
        ):
            process = secretive.start(*words, "--env", "lab", **GIVEN)
            out, err = process.communicate(timeout=300)
            search(out + err, words[0])
            assert "Traceback" not in err
    (secretive.folder / ".env").unlink()
    assert "docker run" in watch.everything, "the watch saw the host's processes"
    search(watch.everything, "a process list")
    search(done.stdout + done.stderr, "the output")
    search(secretive.host.run("journalctl --no-pager"), "the host's journal")
    elsewhere = (
        "cd /opt/edgepaas && cat */history.jsonl */releases/*/release.json /etc/nginx/conf.d/*"
    )
    search(secretive.host.run(elsewhere), "what lies on the host beside the environment")
    slot = secretive.status()[0]["slot"]
    inside = f"docker exec guestbook-lab-{slot} printenv TOKEN REPORTS_URL"
    assert secretive.host.run(inside) == f"{TOKEN}\n{DSN}", "it did arrive"
    inside = f"docker exec guestbook-lab-{slot} printenv {' '.join(ELSEWHERE)}"
    assert secretive.host.run(inside).splitlines() == list(ELSEWHERE.values())


def test_a_failure_report_and_a_dry_run_show_no_secret(secretive):
    settings = secretive.app / "guestbook" / "settings.py"
    leak = "\nimport os\nprint('given', os.environ['TOKEN'], os.environ['REPORTS_URL'])\nraise SystemExit(3)\n"
    settings.write_text(settings.read_text() + leak)
    done = secretive.deploy("--version", "leaky", code=1, **GIVEN)
    assert "given *** ***" in done.stderr, "the log is shown, without its secrets"
    search(done.stdout + done.stderr, "the failure report")
    search(secretive.host.run("cat /opt/edgepaas/*/history.jsonl"), "the journal")
    done = secretive.deploy("--dry-run", **GIVEN)
    assert "TOKEN: from process environment" in done.stdout
    search(done.stdout + done.stderr, "a dry run")


def test_a_secret_given_as_a_file_is_not_on_the_command_line(secretive, tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    done = secretive.deploy("--version", "filed", "--set", f"TOKEN=@{tmp_path / 'token'}")
    slot = secretive.status()[0]["slot"]
    assert secretive.host.run(f"docker exec guestbook-lab-{slot} printenv TOKEN") == TOKEN
    search(done.stdout + done.stderr, "the output")


def test_a_rollback_that_fails_shows_no_secret_of_the_old_release(secretive):
    """This machine was not given those values: it has them from the host, to know what not to show."""
    settings = secretive.app / "guestbook" / "settings.py"
    leak = (
        "\nimport os\nif os.path.exists('/data/leak'):\n    raise SystemExit(os.environ['TOKEN'])\n"
    )
    settings.write_text(settings.read_text() + leak)
    secretive.deploy("--version", "will-leak", **GIVEN)
    secretive.restore()
    secretive.deploy("--version", "after")
    secretive.host.run("touch /opt/edgepaas/guestbook-lab/data/leak")
    try:
        done = secretive.inv("rollback", "--env", "lab", code=1)
    finally:
        secretive.host.run("rm /opt/edgepaas/guestbook-lab/data/leak")
    assert "last lines of its log" in done.stderr
    assert "***" in done.stderr
    search(done.stdout + done.stderr, "the failure report")
    assert secretive.get()["version"] == "after"
