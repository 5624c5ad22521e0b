"""What the log of a CI gets: groups, annotations, nothing to redraw, and no commands of somebody else's."""

import io
import json

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.console import ci
from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.console.task import say
from edgepaas_tasks.fleet import machine
from edgepaas_tasks.remote.errors import Unreachable
from edgepaas_tasks.service.service import describe


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """No CI, whatever runs these tests."""
    for name in (*ci.RUNNERS, *ci.FILES, "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def github(monkeypatch, tmp_path):
    environment = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_RUN_ID": "42",
        **{name: str(tmp_path / name) for name in ci.FILES},
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ci.FILES:
        (tmp_path / name).touch()
    return environment


@pytest.mark.parametrize(
    ("environment", "runner"),
    [
        ({}, ""),
        ({"CI": "false"}, ""),
        ({"CI": "true"}, "CI"),
        ({"CI": "true", "GITLAB_CI": "true"}, "GitLab CI"),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, "GitHub Actions"),
    ],
)
def test_a_ci_is_known_by_what_it_sets(environment, runner):
    assert ci.detect(environment).runner == runner


def test_preflight_names_the_ci_and_the_files_that_it_cannot_write(github, tmp_path):
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    service = describe(settings.load(tree, "test"))
    found = {check.name: check for check in machine.checks(service)}
    run = "GitHub Actions, https://github.com/acme/shop/actions/runs/42"
    assert (found["ci"].verdict, found["ci"].found) == ("ok", run)
    assert found["system"].found.endswith(", GitHub Actions")
    (tmp_path / "GITHUB_OUTPUT").unlink()
    found = {check.name: check for check in machine.checks(service)}
    assert (found["ci"].verdict, found["ci"].found) == (
        "warning",
        f"{run}; cannot write GITHUB_OUTPUT",
    )


def test_outside_of_any_there_are_no_commands_to_a_runner(capfd):
    with Progress("deploy") as progress, progress.phase("build"):
        progress.step("docker", "Step 1/7")
        progress.note("careful")
    assert "::" not in capfd.readouterr().err
    assert ci.harmless("::error::x ##[error]y") == "::error::x ##[error]y"


def test_a_phase_is_a_group_with_what_its_steps_said(github, capsys):
    with Progress("deploy") as progress:
        with progress.phase("build") as phase:
            progress.step("docker", "Step 1/7 : FROM python")
            progress.step("docker", "::set-output name=version::x")
            progress.step("edge1", "sent 1.0 of 9 MB")
            progress.step("edge1", "sent 2.5 of 9 MB")
            phase.outcome = "shop:1"
        with pytest.raises(ValueError, match="no"), progress.phase("ship"):
            raise ValueError("no")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:6] == [
        "deploy",
        "::group::build",
        "  [docker] Step 1/7 : FROM python",
        "  [docker] ::set-output name=version::x",
        "  [edge1] sent 1.0 of 9 MB",
        "::endgroup::",
    ]
    assert lines[6].startswith("  build")
    assert [lines[7], lines[8]] == ["::group::ship", "::endgroup::"]
    assert lines[9].endswith("failed")


def test_a_warning_is_an_annotation_on_one_line(github, capsys):
    with Progress("deploy: shop, prod") as progress:
        progress.note("100% of it\nis odd")
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "::warning title=deploy%3A shop%2C prod::100%25 of it%0Ais odd"


def test_an_error_is_an_annotation_with_what_to_do_next(github, run_tasks, tmp_path):
    (tmp_path / "invoke.yaml").write_text(
        json.dumps(
            {
                "edgepaas": {
                    "app": "shop",
                    "environments": {"test": {"ec2": {"tags": {"Name": "x"}}}},
                }
            }
        )
    )
    done = run_tasks(tmp_path, "ec2.hosts", "--env", "tset", code=2)
    (shown,) = [line for line in done.stderr.splitlines() if line.startswith("::error")]
    assert shown.startswith("::error title=hosts failed::--env tset: no such environment")
    assert done.stdout == ""


def test_a_log_of_others_gives_the_runner_no_orders(github, capsys):
    error = Unreachable("web1", "it ended", got="::add-mask::o\n  ::error::x\n##[set-env name=A]b")
    say(str(error))
    for line in capsys.readouterr().out.splitlines():
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nothing_is_redrawn_in_a_ci_even_where_it_has_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert ci.lively(Terminal())
    assert not ci.lively(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not ci.lively(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("CI", "true")
    assert not ci.lively(Terminal())
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with Progress("deploy") as progress, progress.phase("build"):
        progress.step("docker", "x")
    assert "\x1b" not in terminal.getvalue()
    assert "build" in terminal.getvalue()


CONTROLS = {
    "the screen is cleared": ("\x1b[2Jgone", "\\x1b[2Jgone"),
    "the title is set": ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    "the line is written over": ("failed\rgood", "failed\\rgood"),
    "a backspace": ("no\b\byes", "no\\x08\\x08yes"),
    "a control sequence in one byte": ("\x9b2J", "\\x9b2J"),
    "the direction of text": ("a\u202eb", "a\\u202eb"),
    "a colour": ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    "tabs, lines and other scripts": ("a\tb\nüñ漢", "a\tb\nüñ漢"),
}


@pytest.mark.parametrize(("text", "shown"), CONTROLS.values(), ids=CONTROLS)
def test_what_others_wrote_commands_no_terminal(text, shown):
    assert ci.harmless(text) == shown


def test_a_log_keeps_its_colours_on_a_terminal_and_everything_in_a_pipe():
    text = "\x1b[31mred\x1b[0m \x1b[2J \r"

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    assert ci.as_written(text, Terminal()) == "\x1b[31mred\x1b[0m \\x1b[2J \\r"
    assert ci.as_written(text, io.StringIO()) == text
