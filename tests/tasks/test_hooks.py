"""Hooks are processes of their own: what they get, what they do not, and how they end."""

import json
import os
import subprocess
import time

import pytest

from edgepaas_tasks.console import task as boundary
from edgepaas_tasks.env.values.redaction import Redactor
from edgepaas_tasks.events import hooks
from edgepaas_tasks.events.hooks import Event, HookFailed, run, scrubbed
from edgepaas_tasks.settings import Hook

EVENT = Event(
    hook="after",
    action="deploy",
    app="shop",
    environment="test",
    hosts=("web1", "web2"),
    version="v1",
    release=7,
    result="success",
)
GIVEN = {"TOKEN": "s3cret-token"}
FUNCTION = """
import dataclasses, json, os, sys, time

def tell(event):
    with open("told", "w") as file:
        json.dump([dataclasses.asdict(event), dict(os.environ), type(event).__module__], file)
    print("told by", event.version)

def fail(event):
    raise RuntimeError(f"not on {event.hosts[1]}")

def leave(event):
    sys.exit(3)
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / "announce").mkdir()
    (tmp_path / "announce" / "__init__.py").touch()
    (tmp_path / "announce" / "chat.py").write_text(FUNCTION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEPAAS_LAB", raising=False)  # of whoever runs these tests
    fresh = Redactor()
    monkeypatch.setattr(boundary, "redactor", lambda: fresh)
    monkeypatch.setattr(hooks, "redactor", lambda: fresh)
    return tmp_path


def go(text, *, secrets=(), given=None, timeout=20):
    return run(Hook(run=text, timeout=timeout), EVENT, scrubbed(secrets, given or {}))


def test_a_command_gets_the_event_as_variables(project):
    # Its stdin is empty, and the last lines of both streams are shown.
    lines = go("env | grep ^EDGEPAAS_ | sort; cat; echo done >&2")
    assert (
        lines
        == [
            "EDGEPAAS_ACTION=deploy",
            "EDGEPAAS_APP=shop",
            "EDGEPAAS_ENVIRONMENT=test",
            "EDGEPAAS_ERROR=",
            "EDGEPAAS_FLIPPED_BACK=false",
            "EDGEPAAS_HOOK=after",
            "EDGEPAAS_HOSTS=web1 web2",
            "EDGEPAAS_RELEASE=7",
            "EDGEPAAS_REPORT=",
            "EDGEPAAS_RESULT=success",
            "EDGEPAAS_SECONDS=0.0",
            "EDGEPAAS_VERSION=v1",
            "done",
        ][-hooks.SHOWN :]
    )
    names = set(EVENT.variables())
    assert len(names) == 12
    assert (project / "told").exists() is False


def test_a_function_gets_the_event_as_a_dataclass(project):
    assert go("announce.chat:tell") == ["told by v1"]
    event, environment, module = json.loads((project / "told").read_text())
    assert Event(**{**event, "hosts": tuple(event["hosts"])}) == EVENT
    assert module == "edgepaas_tasks.events.hooks"
    assert environment["EDGEPAAS_HOSTS"] == "web1 web2"


def test_secrets_reach_only_the_hook_that_asks_for_them(monkeypatch, project):
    boundary.redactor().add("s3cret-token")
    for name in ("TOKEN", "OTHER"):
        monkeypatch.setenv(name, "s3cret-token")
    monkeypatch.setenv("TOKEN_FILE", "/run/secrets/token")
    monkeypatch.setenv("INSIDE_ANOTHER", "https://user:s3cret-token@host/")
    monkeypatch.setenv("PLAIN", "plain")
    for text in ("env | sort >seen", "announce.chat:tell"):
        go(text, secrets=["TOKEN"])
        seen = (project / ("seen" if "env" in text else "told")).read_text()
        assert "s3cret-token" not in seen
        assert "TOKEN_FILE" not in seen
        assert "plain" in seen
        assert os.environ["PATH"].split(":")[0] in seen
    asked = go('test "$TOKEN" = s3cret-token && echo got', secrets=["TOKEN"], given=GIVEN)
    assert asked == ["got"]


def test_what_a_hook_says_is_shown_without_secrets():
    boundary.redactor().add("s3cret-token")
    assert go("echo it is s3cret-token") == ["it is ***"]
    with pytest.raises(HookFailed) as caught:
        go("echo no: s3cret-token >&2; exit 4")
    assert str(caught.value).splitlines()[1:] == ["  no: ***"]
    assert "exit 4" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("announce.chat:fail", "RuntimeError: not on web2"),
        ("announce.chat:leave", "exit 3"),
        ("announce.chat:nothing", "no attribute 'nothing'"),
        ("announce.missing:tell", "No module named 'announce.missing'"),
        ("./not-there.sh", "exit 127"),
    ],
)
def test_a_hook_that_fails_says_why(text, says):
    with pytest.raises(HookFailed, match=says):
        go(text)


def test_a_hook_that_does_not_end_is_ended_with_all_that_it_started():
    sleep = f"sleep 60.{os.getpid()}"  # nobody else's
    with pytest.raises(HookFailed, match="not done within 2 s\n  begun"):
        go(f"{sleep} & echo begun; {sleep}", timeout=2)
    end = time.monotonic() + 30
    while subprocess.run(["pgrep", "-f", f"^{sleep}"], capture_output=True).returncode == 0:
        assert time.monotonic() < end, "it runs on"
        time.sleep(0.1)


def test_what_a_hook_leaves_running_is_not_waited_for():
    begun = time.monotonic()
    assert go("sleep 60 & echo done") == ["done"]
    assert time.monotonic() - begun < 40
