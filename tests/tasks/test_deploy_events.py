"""What happens around a deploy, in which order, and that none of it hides what the deploy came to."""

import json
import os
import signal

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.events.deploy_events import deploy_events
from edgepaas_tasks.release.gates import Unfinished
from edgepaas_tasks.remote.cloud.aws import AwsError
from edgepaas_tasks.remote.errors import LeaseHeld, Unreachable
from edgepaas_tasks.remote.host import Exec, Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.service.service import describe
from edgepaas_tasks.variables import environment

TELL = 'printf "%s %s %s %s|" "$EDGEPAAS_HOOK" "$EDGEPAAS_RESULT" "$EDGEPAAS_ERROR" "$EDGEPAAS_VERSION" >>told'
EVERY = dict.fromkeys(("before", "after", "on_failure", "on_rollback"), [TELL])


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


class Silent:
    """A way to a host that is not there any more."""

    name = "web1"

    def open(self):
        raise Unreachable("web1", "no SSH connection")

    def interrupt(self):
        pass

    def close(self):
        pass


def around(work, *, asked=True, action="deploy", **more):
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    service = describe(settings.load({**tree, **more}, "test"))
    host = Host(Silent())
    if asked:
        host.trace.append(Exec(("look at the host",), False, 0.1))
    with Progress("test") as progress, deploy_events(service, [host], progress, action) as event:
        work(event)


def told(here):
    return (here / "told").read_text().split("|")[:-1] if (here / "told").exists() else []


def begin_and_raise(error):
    def work(event):
        event.begin("v1")
        raise error

    return work


def test_a_failure_is_told_after_it_and_stays_the_one_that_counts(here, capsys):
    hooks = {**EVERY, "on_failure": ["exit 5", TELL]}
    with pytest.raises(Refused, match="the disk is short"):
        around(begin_and_raise(Refused("the disk is short\nby far")), hooks=hooks)
    assert told(here) == ["before   v1", "on_failure failure the disk is short v1"]
    assert "warning: hook on_failure 'exit 5': exit 5" in capsys.readouterr().err


def test_what_was_refused_before_it_began_is_told_to_nobody(here):
    def work(event):
        raise Refused("no such file")

    with pytest.raises(Refused):
        around(work, hooks=EVERY)
    assert told(here) == []
    assert not (here / ".edgepaas").exists()


def test_a_hook_before_that_fails_stops_the_deploy(here):
    begun = []

    def work(event):
        event.begin("v1")
        begun.append("touched")

    next_step = r"\n  next:  fix the hook and run this again; no host was touched"
    with pytest.raises(Refused, match=rf"hook before 'exit 3': exit 3{next_step}"):
        around(work, hooks={**EVERY, "before": ["exit 3", TELL]}, asked=False)
    assert begun == []
    assert told(here) == ["on_failure failure hook before 'exit 3': exit 3 v1"]


def test_an_interrupted_deploy_is_told_as_such(here):
    def work(event):
        event.begin("v1")
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        around(work, hooks=EVERY)
    assert told(here) == ["before   v1", "on_failure interrupted interrupted v1"]


def test_a_host_that_was_lost_is_not_asked_again_and_stands_in_the_report(here, capsys):
    lost = Unreachable("web1", "no SSH connection", next_step="is it up?")
    with pytest.raises(Unreachable):
        around(begin_and_raise(lost))
    (report,) = (here / ".edgepaas" / "reports").glob("*.md")
    assert "| web1 | not known |  | web1: no SSH connection |  |" in report.read_text()
    assert f"report: .edgepaas/reports/{report.name}" in capsys.readouterr().err


def test_a_lease_that_another_one_holds_is_no_failure_to_report(here):
    with pytest.raises(LeaseHeld):
        around(begin_and_raise(LeaseHeld("web1", "another deploy is under way")))
    assert not (here / ".edgepaas").exists()


def test_a_report_or_summary_that_can_not_be_written_is_a_warning(here, capsys, monkeypatch):
    (here / ".edgepaas").write_text("a file")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here))
    with pytest.raises(Unreachable):
        around(begin_and_raise(Unreachable("web1", "gone")))
    said = capsys.readouterr().err
    assert "warning: the failure report could not be written" in said
    assert "warning: the summary could not be written" in said


def test_a_notice_that_fails_is_one_warning(here, capsys):
    hook = {"webhook": {"url_variable": "NOBODY_SET_THIS"}}
    with pytest.raises(Refused):
        around(begin_and_raise(Refused("no")), notify=hook)
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert said == ["  warning: the webhook was not sent: ValueError: NOBODY_SET_THIS is not set"]


def test_the_secrets_of_notices_are_in_no_hook(here, monkeypatch):
    monkeypatch.setenv("CHAT_URL", "http://127.0.0.1:1/hook")
    monkeypatch.setenv("TOKEN", "t")
    monkeypatch.setenv("OTHER", "o")
    hooks = {
        "before": ["env >first", {"run": "env >second", "secrets": ["TOKEN"]}],
    }
    variables = dict.fromkeys(("TOKEN", "OTHER"), {"type": "string", "secret": True})
    with pytest.raises(Refused):
        around(
            begin_and_raise(Refused("no")),
            hooks=hooks,
            variables=variables,
            notify={"webhook": {"url_variable": "CHAT_URL", "on": ["success"]}},
            database={"mode": "sqlite_only"},
        )
    first, second = ((here / name).read_text().splitlines() for name in ("first", "second"))
    hidden = ("TOKEN=", "OTHER=", "CHAT_URL=")
    assert not [line for line in first if line.startswith(hidden)]
    assert [line for line in second if line.startswith(hidden)] == ["TOKEN=t"]
    assert os.environ["OTHER"] == "o"


HIDDEN = {"DATABASE_PASSWORD": "in another variable", "REGISTRY_PASSWORD": "of a login"}


def test_a_rollback_keeps_secrets_from_hooks_that_did_not_ask(here, monkeypatch):
    """It has no use for the variables, and has not looked at them."""
    monkeypatch.setenv("TOKEN", HIDDEN["DATABASE_PASSWORD"])
    for name, text in HIDDEN.items():
        monkeypatch.setenv(name, text)

    def work(event):
        event.begin("v1")

    variables = {"TOKEN": {"type": "string", "secret": True}}
    hooks = {"before": ["env >seen"]}
    database = {"mode": "sqlite_only"}
    around(work, hooks=hooks, variables=variables, database=database, action="rollback")
    seen = (here / "seen").read_text()
    assert "EDGEPAAS_HOOK=before" in seen
    assert not [name for name in ("TOKEN", *HIDDEN) if f"{name}=" in seen]


def test_variables_that_can_not_be_read_keep_nobody_from_hearing_of_it(here, monkeypatch, capsys):
    def collect(*_):
        raise AwsError("SSM", "access denied")

    monkeypatch.setattr(environment, "collect", collect)
    variables = {"TOKEN": {"type": "string", "secret": True}}
    asks = {"run": TELL, "secrets": ["TOKEN"]}
    with pytest.raises(Refused, match="the disk is short"):
        around(
            begin_and_raise(Refused("the disk is short")),
            hooks={"on_failure": [asks, TELL]},
            variables=variables,
            database={"mode": "sqlite_only"},
            action="rollback",
        )
    assert told(here) == ["on_failure failure the disk is short v1"]
    assert "AwsError: SSM: access denied" in capsys.readouterr().err


def test_what_is_live_is_told_as_such_when_only_its_end_failed(here):
    release = Release(7, "v7", "sha256:1", "shop:v7", ())
    with pytest.raises(Unfinished):
        around(begin_and_raise(Unfinished(release, Unreachable("web1", "gone"))), hooks=EVERY)
    first = "release 7 (v7) is live and on record; what comes after that failed:"
    assert told(here)[1:] == [f"on_failure unfinished {first} v7"]
    (report,) = (here / ".edgepaas" / "reports").glob("*.md")
    assert "deploy of v7 is live, and was not finished" in report.read_text()
    assert "| web1 | not known |" in report.read_text()


def test_settings_of_hooks_are_checked():
    for more, says in (
        ({"hooks": {"befor": []}}, "edgepaas.hooks.befor: unknown key; did you mean 'before'"),
        ({"hooks": {"after": [{"run": ""}]}}, "edgepaas.hooks.after.0.run"),
        ({"notify": {"webhook": {}}}, "set one of url and url_variable"),
        ({"notify": {"webhook": {"url": "x", "on": ["never"]}}}, "edgepaas.notify.webhook.on"),
        ({"notify": {"email": {"server": "h", "sender": "x", "to": ["a@b"]}}}, "email.sender"),
    ):
        with pytest.raises(settings.SettingsError, match=says):
            around(lambda event: None, **json.loads(json.dumps(more)))
