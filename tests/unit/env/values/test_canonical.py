"""The canonical file: every value comes out of every reader as it went in."""

import json
import os
import subprocess
import sys

import pytest
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from edgepaas_tasks.env.values.canonical import (
    dotenv_inexact,
    fingerprint,
    parse,
    render,
    value_fingerprint,
)
from edgepaas_tasks.env.values.schema import Schema, Variable

EXAMPLES = int(
    os.environ.get("EDGEPAAS_EXAMPLES") or (20_000 if os.environ.get("EDGEPAAS_SOAK") else 200)
)

NAMED = {
    "home": "$HOME",
    "price": "it's $5",
    "quotes": "a'b\"c\\",
    "hash": "# not a comment",
    "spaces": "  both ends  ",
    "percent": "100%s %(x)s",
    "emoji": "🚀 ☃",
    "backtick": "`id`",
    "newlines": "\n\na\n",
    "pem": "-----BEGIN PRIVATE KEY-----\nMIIE+/=\n-----END PRIVATE KEY-----\n",
    "empty": "",
    "backslashes": "\\\\ \\n \\",
    "long": "x'$\\" * 25_000,
}

# What an environment can hold: no NUL; no carriage return, which systemd's reader turns into a line's end.
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"))
DUMP = "import json, os; print(json.dumps(dict(os.environ)))"


def sourced(shell, tmp_path, text):
    path = tmp_path / "canonical"
    path.write_text(text, encoding="utf-8", newline="")
    done = subprocess.run(
        [shell, "-c", f'set -a; . "{path}"; exec "{sys.executable}" -c "$1"', shell, DUMP],
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1"},
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_named_values_are_exact_in_shells(shell, tmp_path):
    values = {f"V_{name}": value for name, value in NAMED.items()}
    seen = sourced(shell, tmp_path, render(values, Schema()))
    assert {name: seen[name] for name in values} == values


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_any_values_are_exact_in_shells(shell, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shell")

    @settings(max_examples=max(10, EXAMPLES // 20), deadline=None)
    @given(st.lists(TEXT, min_size=20, max_size=20))
    def check(texts):
        values = {f"V{number}": text for number, text in enumerate(texts)}
        seen = sourced(shell, folder, render(values, Schema()))
        assert {name: seen[name] for name in values} == values

    check()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), TEXT))
def test_our_own_reader_reads_what_we_wrote(values):
    assert parse(render(values, Schema())) == values


@pytest.mark.parametrize("value", NAMED.values(), ids=NAMED)
def test_named_values_are_exact_in_python_dotenv_but_for_the_stated_class(value, tmp_path):
    path = tmp_path / ".env"
    path.write_text(render({"A": value, "B": "next"}, Schema()), encoding="utf-8", newline="")
    seen = dotenv_values(path, interpolate=False)
    assert seen["B"] == "next"
    assert (seen["A"] == value) or dotenv_inexact(value)


def test_any_value_is_exact_in_python_dotenv_but_for_the_stated_class(tmp_path):
    path = tmp_path / ".env"

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(TEXT)
    def check(value):
        path.write_text(render({"A": value}, Schema()), encoding="utf-8", newline="")
        if not dotenv_inexact(value):
            assert dotenv_values(path, interpolate=False)["A"] == value

    check()


def test_the_same_values_make_the_same_file():
    schema = Schema((Variable("B", description="What it is\nfor"),))
    text = render({"B": "2", "A": "1"}, schema)
    assert text == render({"A": "1", "B": "2"}, schema)
    assert "# What it is for\nB='2'\n" in text


@pytest.mark.parametrize("text", ["A=1\n", "A='1' B='2'\n", "export A='1'\n", "A='1"])
def test_a_file_of_another_hand_is_not_misread(text):
    with pytest.raises(ValueError, match="not a file"):
        parse(text)


def test_fingerprints_change_with_values_and_tell_none():
    assert fingerprint({"A": "1"}) == fingerprint({"A": "1"})
    assert fingerprint({"A": "1"}) != fingerprint({"A": "2"})
    assert fingerprint({"A": "1"}) != fingerprint({"B": "1"})
    assert value_fingerprint("A", "same") != value_fingerprint("B", "same")
    assert "hunter2" not in fingerprint({"A": "hunter2"})
