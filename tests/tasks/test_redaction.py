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

from edgepaas_tasks import backup, boundary, connectivity, environment, settings
from edgepaas_tasks.boundary import Refused, conceal, say, task
from edgepaas_tasks.progress import Progress
from edgepaas_tasks.rollout import Rollout
from edgepaas_tasks.service import describe
from env import canonical
from env.layers import Resolution, Value
from env.redaction import Redactor
from env.schema import Schema
from remote.errors import CommandFailed
from remote.host import Host
from remote.releases import Release

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
    ("boundary.py", "say"): ("test_what_is_printed",),
    ("boundary.py", "guarded"): ("test_what_ends_a_task",),
    ("boundary.py", "_message"): ("test_a_fault_of_ours",),
    ("progress.py", "_print"): ("test_progress_in_a_log",),
    ("progress.py", "note"): ("test_progress_on_a_terminal", "test_a_warning_in_github_actions"),
    ("progress.py", "_text"): ("test_progress_on_a_terminal",),
    ("connectivity.py", "probe"): ("test_what_a_container_says",),
    ("connectivity.py", "judge"): ("test_what_a_container_says",),
    ("backup.py", "run"): ("test_what_a_backup_says",) * 2,
    ("environment.py", "collect"): ("test_secrets_of_this_machine_are_learned",),
    ("environment.py", "_database"): ("test_a_url_that_we_changed_is_learned",),
    ("environment.py", "learn"): ("test_secrets_of_a_host_are_learned",),
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
    for module in ("progress", "connectivity", "rollout", "backup"):
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


def of(**more):
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    return describe(settings.load({**tree, **more}, "test"))


def test_what_a_container_says(known, monkeypatch):
    (check,) = connectivity.judge("web1", {"verdict": "other", "said": f"no: {SECRET}"})
    assert "no: ***" in check.found

    class Broken:
        name = "web1"

        def open(self):
            raise CommandFailed("web1", f"with {SECRET}", code=1)

    monkeypatch.setattr(connectivity, "_image", lambda state: "sha256:1")
    values = Resolution({"DATABASE_URL": Value("DATABASE_URL", "postgresql://h/d", "t", True)})
    (check,) = connectivity.probe(of(), [Host(Broken())], {"web1": None}, values)
    assert check.found == "web1: with ***"


@pytest.mark.parametrize("said", [f"no: {SECRET}\nand more", ""])
def test_what_is_stored_of_a_failure(known, said):
    stored = []

    class Journal:
        name = "web1"

        def change(self, command):
            stored.append(command.stdin.decode())

    release = Release(7, "v7", "sha256:1", "shop:v7", ())
    rollout = Rollout(of(), [Journal()], {}, None, release, "deploy", 0)
    rollout.record_failure(ValueError(said))
    (line,) = stored
    assert json.loads(line)["reason"] == ("no: ***" if said else "")


def test_what_a_backup_says(known):
    for code in (0, 3):
        service = of(database={"mode": "postgres_only", "backup": f"echo {SECRET}; exit {code}"})
        composed = environment.compose(service.settings, Resolution({}), 1, "v1")
        if code:
            with pytest.raises(Refused, match=r"exit 3\).*\n  \*\*\*"):
                backup.run(service.settings, composed)
        else:
            assert backup.run(service.settings, composed) == "backup taken (***)"


def test_secrets_of_this_machine_are_learned(monkeypatch, tmp_path, forgetful):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", SECRET)
    service = of(
        variables={"TOKEN": {"type": "string", "secret": True}}, database={"mode": "sqlite_only"}
    )
    environment.collect(service.settings, ())
    assert forgetful(SECRET) == "***"


def test_a_url_that_we_changed_is_learned(forgetful):
    url = f"postgres://app:{SECRET}@db.example/shop"
    values = Resolution({"DATABASE_URL": Value("DATABASE_URL", url, "test", secret=True)})
    composed = environment.compose(of().settings, values, 1, "v1")
    changed = canonical.parse(composed.text.text())["DATABASE_URL"]
    assert changed == f"postgresql://app:{SECRET}@db.example/shop?sslmode=require"
    assert forgetful(f"({changed})") == "(***)"


def test_secrets_of_a_host_are_learned(forgetful):
    text = canonical.render({"TOKEN": SECRET, "EDGEPAAS_RELEASE": "12345"}, Schema())
    environment.learn(of().settings, text)
    assert forgetful(f"{SECRET} of 12345") == "*** of 12345"
