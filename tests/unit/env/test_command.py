"""What an image starts, and how it is started so that SIGTERM reaches the app."""

import sys

import pytest

from edgepaas_tasks.env import command

SHELL = ["/bin/sh", "-c"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["uvicorn", "app:app"], ["uvicorn", "app:app"]),
        (["--image", '[null,["uvicorn","a b"]]'], ["uvicorn", "a b"]),
        (["--image", '[["tini","--"],["app"]]'], ["tini", "--", "app"]),
        (["--image", '[["/bin/sh","-c","it\'s $X"],null]'], ["/bin/sh", "-c", "it's $X"]),
        (["--image", "[null,null]"], []),
        ([], []),
    ],
)
def test_the_command_is_the_images_entrypoint_and_command(arguments, words):
    assert command.words(arguments) == words


@pytest.mark.parametrize(
    ("line", "executed"),
    [
        ("uvicorn a:b --port ${PORT:-80}", "exec uvicorn a:b --port ${PORT:-80}"),
        ("uvicorn a:b 'x; y' \"a && b\"", "exec uvicorn a:b 'x; y' \"a && b\""),
        ("alembic upgrade head && uvicorn a:b", "alembic upgrade head && exec uvicorn a:b"),
        ("cd /srv && app >/dev/null 2>&1", "cd /srv && exec app >/dev/null 2>&1"),
        ("app \\\n  --more", "exec app \\\n  --more"),
        ("exec app", "exec app"),
        ("a && exec app", "a && exec app"),
    ],
)
def test_one_program_takes_the_shells_place(line, executed):
    assert command.with_exec([*SHELL, line]) == ([*SHELL, executed], "")


@pytest.mark.parametrize(
    "line",
    ["a; b", "a | b", "a || b", "a &", "(a)", "X=1 a", "if a; then b; fi", "a\nb", "cd /srv", ""]
    + ["a $(b && c)", "a 'b", "a && X=1 b", "! a"],
)
def test_anything_else_stays_as_it_is_with_a_warning(line):
    words, warning = command.with_exec([*SHELL, line])
    assert words == [*SHELL, line]
    assert "does not pass SIGTERM on" in warning


@pytest.mark.parametrize("words", [["uvicorn", "-c", "a; b"], ["sh", "start.sh"], [], ["sh"]])
def test_what_is_no_shells_line_is_left_alone(words):
    assert command.with_exec(words) == (words, "")


def test_a_shell_with_options_is_a_shell():
    line = "gunicorn app"
    given = ["/bin/bash", "-o", "pipefail", "-ec", line]
    assert command.with_exec(given)[0] == [*given[:-1], f"exec {line}"]


def test_the_python_of_a_script_is_found_by_its_first_line(tmp_path, monkeypatch):
    python = tmp_path / "python3.12"
    python.symlink_to(sys.executable)
    script = tmp_path / "uvicorn"
    script.write_text(f"#!{python}\nimport uvicorn\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.interpreter(["uvicorn", "app:app"]) == str(python)
    assert command.interpreter([*SHELL, "true && exec uvicorn app:app"]) == str(python)
    assert command.interpreter(["python3.12", "-m", "app"]) == str(python)
    script.write_text("#!/bin/sh\n")
    assert command.interpreter(["uvicorn"]) == ""
    assert command.interpreter(["nothing-of-the-kind"]) == ""


def test_python_and_python3_of_one_place_are_the_same(tmp_path):
    assert not command.another(sys.executable)
    assert not command.another("")
    elsewhere = tmp_path / "python3"
    elsewhere.symlink_to(sys.executable)
    assert command.another(str(elsewhere)), "a virtual environment is a link, and another place"
