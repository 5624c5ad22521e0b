"""Each place that takes secrets out of text is needed: without it one of these tests shows a secret.

The places are found in the source, so that a new one without a test of its own fails here.
"""

import ast
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from invoke import Context, Exit
from rich.console import Console

from edgepaas_tasks import settings
from edgepaas_tasks.console import task as boundary
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import conceal, say, task
from edgepaas_tasks.database import backup
from edgepaas_tasks.env.values import canonical
from edgepaas_tasks.env.values.layers import Resolution, Value
from edgepaas_tasks.env.values.redaction import Redactor
from edgepaas_tasks.env.values.schema import Schema
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.fleet import connectivity
from edgepaas_tasks.release.rollout import Rollout
from edgepaas_tasks.remote.errors import CommandFailed
from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.service.service import describe
from edgepaas_tasks.variables import environment

ROOT = Path(__file__).parents[2]
SECRET = "s3ntinel-t0ken"


def places() -> Counter[tuple[str, str]]:
    """Every call of the redactor on a text, or that teaches it a secret, by file and function."""
    found = Counter()

    def walk(node, file, function):
        if isinstance(node, ast.FunctionDef):
            function = node.name
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in ("redactor()", "conceal"):
            found[file, function] += 1
        for child in ast.iter_child_nodes(node):
            walk(child, file, function)

    for path in sorted((ROOT / "edgepaas_tasks").rglob("*.py")):
        walk(ast.parse(path.read_text()), path.name, "")
    return found


# The place, and the tests below that fail without it: one for each call.
TESTED = {
    ("task.py", "say"): ("test_what_is_printed",),
    ("task.py", "guarded"): ("test_what_ends_a_task",),
    ("task.py", "_message"): ("test_a_fault_of_ours",),
    ("progress.py", "_print"): ("test_progress_in_a_log",),
    ("progress.py", "say"): ("test_progress_on_a_terminal",),
    ("progress.py", "note"): ("test_a_warning_in_github_actions",),
    ("progress.py", "_text"): ("test_progress_on_a_terminal",),
    ("logs.py", "_put"): ("test_what_the_app_wrote",),
    ("exec.py", "show"): ("test_what_a_command_inside_wrote",),
    ("hooks.py", "scrubbed"): ("test_what_a_hook_gets_and_says",),
    ("hooks.py", "_clean"): ("test_what_a_hook_gets_and_says",),
    ("notices.py", "send"): ("test_what_a_notice_says", "test_what_a_notice_is_about"),
    ("notices.py", "_reason"): ("test_why_a_notice_was_not_sent",),
    ("notices.py", "_post"): ("test_why_a_notice_was_not_sent",),
    ("notices.py", "_mail"): ("test_why_an_email_was_not_sent",),
    ("ci_summary.py", "write"): ("test_what_github_shows",),
    ("failure_report.py", "_write"): ("test_what_a_report_holds",),
    ("deploy_events.py", "failed"): ("test_what_a_hook_hears_of_an_error",),
    ("connectivity.py", "probe"): ("test_what_a_container_says",),
    ("connectivity.py", "judge"): ("test_what_a_container_says",),
    ("backup.py", "run"): ("test_what_a_backup_says",) * 2,
    ("backup.py", "_surroundings"): ("test_the_url_of_a_backup_is_learned",),
    ("environment.py", "collect"): ("test_secrets_of_this_machine_are_learned",),
    ("environment.py", "_database"): ("test_a_url_that_we_changed_is_learned",),
    ("environment.py", "learn"): ("test_secrets_of_a_host_are_learned",),
    ("login.py", "password"): ("test_the_login_of_a_registry_is_learned",),
    ("rollout.py", "record_failure"): ("test_what_is_stored_of_a_failure",),
}


def test_every_place_has_a_test_of_its_own():
    assert places() == {place: len(names) for place, names in TESTED.items()}
    here = Path(__file__).read_text()
    assert all(f"def {name}(" in here for names in TESTED.values() for name in names)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """A redactor that knows nothing yet, so that no test lives on what another one taught it."""
    fresh = Redactor()
    monkeypatch.setattr(boundary, "redactor", lambda: fresh)
    for module in (
        *("console.progress", "fleet.connectivity", "release.rollout", "database.backup"),
        *("events.hooks", "events.notices", "report.ci_summary", "report.failure_report"),
        *("events.deploy_events", "fleet.logs", "fleet.exec"),
    ):
        monkeypatch.setattr(f"edgepaas_tasks.{module}.redactor", lambda: fresh)
    return fresh


@pytest.fixture
def known():
    conceal(SECRET)


def test_what_is_printed(known, capsys):
    say(f"the token is {SECRET}")
    assert capsys.readouterr().out == "the token is ***\n"


def failing(error):
    @task()
    def fails(c):
        """Fail."""
        raise error

    return fails


def test_what_ends_a_task(known):
    with pytest.raises(Exit) as caught:
        failing(Refused(f"not with {SECRET}"))(Context())
    assert caught.value.message == "not with ***"


def test_a_fault_of_ours(known, capsys):
    with pytest.raises(Exit):
        failing(ValueError(f"unexpected: {SECRET}"))(Context())
    said = capsys.readouterr().err
    assert "ValueError: unexpected: ***" in said
    assert SECRET not in said


def test_progress_in_a_log(known, capsys):
    with Progress(f"about {SECRET}") as progress, progress.phase("work") as phase:
        progress.note(f"note {SECRET}")
        phase.outcome = f"came to {SECRET}"
    said = capsys.readouterr().err
    assert said.count("***") == 3
    assert SECRET not in said


def test_progress_on_a_terminal(known):
    from rich.live import Live

    screen = io.StringIO()
    progress = Progress("title")
    progress._live = Live(console=Console(file=screen, force_terminal=True, width=200))
    with progress.phase("work") as phase:
        progress.note(f"note {SECRET}")
        progress.step("web1", f"step {SECRET}")
        phase.outcome = f"came to {SECRET}"
        progress._live.console.print(progress._render())
    shown = screen.getvalue()
    assert shown.count("***") == 3
    assert SECRET not in shown


def test_a_warning_in_github_actions(known, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Progress("title").note(f"about {SECRET}")
    said = capsys.readouterr().err
    assert "::warning title=title::about ***" in said
    assert SECRET not in said


def make_service(**more):
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    return describe(settings.load({**tree, **more}, "test"))


def test_what_a_container_says(known, monkeypatch):
    (check,) = connectivity.judge("web1", {"verdict": "other", "said": f"no: {SECRET}"}, "test")
    assert "no: ***" in check.found

    class Broken:
        name = "web1"

        def open(self):
            raise CommandFailed("web1", f"with {SECRET}", code=1)

    monkeypatch.setattr(connectivity, "_image", lambda state: "sha256:1")
    values = Resolution({"DATABASE_URL": Value("DATABASE_URL", "postgresql://h/d", "t", True)})
    (check,) = connectivity.probe(make_service(), [Host(Broken())], {"web1": None}, values)
    assert check.found == "web1: with ***"


@pytest.mark.parametrize("said", [f"no: {SECRET}\nand more", ""])
def test_what_is_stored_of_a_failure(known, said):
    stored = []

    class Journal:
        name = "web1"

        def change(self, command):
            stored.append(command.stdin.decode())

    release = Release(7, "v7", "sha256:1", "shop:v7", ())
    rollout = Rollout(make_service(), [Journal()], {}, None, release, "deploy", 0)
    rollout.record_failure(ValueError(said))
    (line,) = stored
    assert json.loads(line)["reason"] == ("no: ***" if said else "")


def test_what_a_backup_says(known):
    for code in (0, 3):
        service = make_service(
            database={"mode": "postgres_only", "backup": f"echo {SECRET}; exit {code}"}
        )
        composed = environment.compose(service.settings, Resolution({}), 1, "v1")
        if code:
            with pytest.raises(Refused, match=r"exit 3\).*\n  \*\*\*"):
                backup.run(service.settings, composed)
        else:
            assert backup.run(service.settings, composed) == "backup taken (***)"


def test_what_the_app_wrote(known, capsys):
    from edgepaas_tasks.fleet import logs

    printer = logs.Printer(hosts=True, slots=False)
    printer.follow("web1", f"green 2026-01-01T00:00:00Z it is {SECRET}")
    assert capsys.readouterr().out == "web1 | it is ***\n"


def test_what_a_command_inside_wrote(known, capsys):
    from edgepaas_tasks.fleet import exec as inside

    inside.show("web1", f"1out {SECRET}")
    inside.show("web1", f"2err {SECRET}")
    inside.show("web1", f"sudo: of the host itself, {SECRET}")
    assert capsys.readouterr() == ("out ***\n", "err ***\nsudo: of the host itself, ***\n")


def test_what_a_hook_gets_and_says(known, monkeypatch):
    from edgepaas_tasks.events import hooks

    monkeypatch.setenv("ANY", f"in {SECRET}")
    assert "ANY" not in hooks.scrubbed([], {})
    event = hooks.Event("after", "deploy", "shop", "test", ("web1",))
    hook = settings.Hook(run=f"echo it is {SECRET}")
    assert hooks.run(hook, event, hooks.scrubbed([], {})) == ["it is ***"]


def notify(**webhook):
    return settings.Notify(webhook=settings.Webhook(**webhook))


def test_what_a_notice_says(known, monkeypatch):
    from edgepaas_tasks.events import notices

    said = []
    monkeypatch.setattr(notices, "_post", lambda webhook, text: said.append(text))
    notices.send(notify(url="x"), {"success"}, "shop", f"it is {SECRET}")
    assert said == ["it is ***"]


def test_what_a_notice_is_about(known, monkeypatch):
    from edgepaas_tasks.events import notices

    said = []
    monkeypatch.setattr(notices, "_mail", lambda email, subject, text: said.append(subject))
    email = settings.Email(server="h", sender="a@b", to=("c@d",))
    notices.send(settings.Notify(email=email), {"success"}, f"it is {SECRET}", "")
    assert said == ["it is ***"]


def test_why_a_notice_was_not_sent(known, monkeypatch, forgetful):
    """Its address is learned as a secret before it is used, and the reason is shown without any."""
    from edgepaas_tasks.events import notices

    def refuse(request, timeout):
        raise OSError(f"no way to {request.full_url} with {SECRET}")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    (line,) = notices.send(notify(url="https://chat.example/T0/B0"), {"success"}, "s", "t")
    assert line == "the webhook was not sent: OSError: no way to *** with ***"


def test_why_an_email_was_not_sent(monkeypatch, forgetful):
    from edgepaas_tasks.events import notices

    monkeypatch.setenv("MAIL_PASSWORD", SECRET)

    def refuse(*_, **__):
        raise OSError(f"not with {SECRET}")

    monkeypatch.setattr("smtplib.SMTP", refuse)
    email = settings.Email(
        server="h", sender="a@b", to=("c@d",), user="u", password_variable="MAIL_PASSWORD"
    )
    (line,) = notices.send(settings.Notify(email=email), {"success"}, "s", "t")
    assert line == "the e-mail was not sent: OSError: not with ***"


def test_what_github_shows(known, monkeypatch, tmp_path):
    from edgepaas_tasks.report import ci_summary as summary

    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))
    summary.write(f"it is {SECRET}")
    assert (tmp_path / "page").read_text() == "it is ***\n"


def test_what_a_report_holds(known, monkeypatch, tmp_path):
    from edgepaas_tasks.report import failure_report

    monkeypatch.chdir(tmp_path)
    assert failure_report.write(make_service(), 7, f"it is {SECRET}").read_text() == "it is ***"


def test_what_a_hook_hears_of_an_error(known, monkeypatch, tmp_path, capsys):
    from edgepaas_tasks.events.deploy_events import deploy_events

    monkeypatch.chdir(tmp_path)
    service = make_service(hooks={"on_failure": ['echo "$EDGEPAAS_ERROR" >told']})

    def fail():
        with Progress("test") as progress, deploy_events(service, [], progress, "deploy") as event:
            event.begin("v1")
            raise Refused(f"not with {SECRET}\nsecond line")

    with pytest.raises(Refused):
        fail()
    assert (tmp_path / "told").read_text() == "not with ***\n"
    assert SECRET not in capsys.readouterr().err


def test_secrets_of_this_machine_are_learned(monkeypatch, tmp_path, forgetful):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", SECRET)
    service = make_service(
        variables={"TOKEN": {"type": "string", "secret": True}}, database={"mode": "sqlite_only"}
    )
    environment.collect(service.settings, ())
    assert forgetful(SECRET) == "***"


def test_a_url_that_we_changed_is_learned(forgetful):
    url = f"postgres://app:{SECRET}@db.example/shop"
    values = Resolution({"DATABASE_URL": Value("DATABASE_URL", url, "test", secret=True)})
    composed = environment.compose(make_service().settings, values, 1, "v1")
    changed = canonical.parse(composed.text.text())["DATABASE_URL"]
    assert changed == f"postgresql://app:{SECRET}@db.example/shop?sslmode=require"
    assert forgetful(f"({changed})") == "(***)"


def test_the_url_of_a_backup_is_learned(forgetful):
    url = f"postgresql+asyncpg://app:{SECRET}@db.example/shop"
    values = Resolution({"DATABASE_URL": Value("DATABASE_URL", url, "test", secret=True)})
    service = make_service(database={"mode": "postgres_only", "backup": 'echo "$DATABASE_URL"'})
    composed = environment.compose(service.settings, values, 1, "v1")
    assert backup.run(service.settings, composed) == "backup taken (***)"


def test_secrets_of_a_host_are_learned(forgetful):
    text = canonical.render({"TOKEN": SECRET, "EDGEPAAS_RELEASE": "12345"}, Schema())
    environment.learn(make_service().settings, text)
    assert forgetful(f"{SECRET} of 12345") == "*** of 12345"


def test_the_login_of_a_registry_is_learned(monkeypatch, tmp_path, forgetful):
    from edgepaas_tasks.images.shipping import login

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGISTRY_PASSWORD", SECRET)
    image = {"transport": "registry", "server": "registry.example/shop", "username": "bot"}
    service = make_service(image={**image, "password": "REGISTRY_PASSWORD"})
    login.login(service.settings, "registry.example/shop")
    assert forgetful(SECRET) == "***"
