"""Before a task begins: mistakes in files end in one line, and a reader that is gone in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "edgepaas:\n  app: shop\n  environments: {test: {hosts: [{address: 192.0.2.1}]}}\n"
PROGRAMS = {
    "inv": ("-m", "invoke"),
    "edgepaas": ("-c", "from edgepaas_tasks.program import program; program.run()"),
}
FILES = {
    "invoke.yaml with a syntax error": ("invoke.yaml", b"edgepaas: [\n", "invoke.yaml, line 2: "),
    "invoke.yaml in Latin-1": ("invoke.yaml", b"a: caf\xe9\n", "invoke.yaml, line 1: it is not UTF-8"),
    "invoke.yaml with a list": ("invoke.yaml", b"- edgepaas\n", "invoke.yaml: expected a mapping"),
    "settings that are a word": ("invoke.yaml", b"edgepaas: shop\n", "edgepaas: expected a mapping"),
    "settings that are a list": ("invoke.yaml", b"edgepaas: [shop]\n", "edgepaas: expected a mapping"),
    ".env in Latin-1": (".env", b"A=1\nGREETING=caf\xe9\n", ".env cannot be read: line 2 is not UTF-8 text"),
    ".env in UTF-16": (".env", "GREETING=x\n".encode("utf-16"), ".env cannot be read: it is UTF-16; save it as"),
    ".env.test with a quote left open": (".env.test", b'A=1\n\n\nB="x\n', ".env.test cannot be read: line 4: expected"),
    ".env with a word in front": (".env", b"set -e\nA=1\n", ".env cannot be read: line 1: expected"),
}  # fmt: skip


@pytest.fixture
def call(request, tmp_path):
    """Calls `inv`, or the program that a test is about."""
    program = getattr(request, "param", "inv")
    (tmp_path / "invoke.yaml").write_text(GOOD)
    if program == "inv":
        (tmp_path / "tasks.py").write_text("from edgepaas_tasks import ns\n")

    def call(*words, **options):
        return subprocess.run(
            [sys.executable, *PROGRAMS[program], *words],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return call


@pytest.mark.parametrize(("name", "content", "said"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_read_is_named_in_one_line(call, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    done = call("env.check", "--env", "test", stdout=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("call", ["edgepaas"], indirect=True)
@pytest.mark.parametrize("name", ["invoke.yaml with a syntax error", ".env in Latin-1"])
def test_the_program_of_its_own_says_so_too(call, tmp_path, name):
    file, content, said = FILES[name]
    (tmp_path / file).write_bytes(content)
    done = call("env.check", "--env", "test", stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(said)


def test_a_byte_order_mark_is_part_of_no_name(call, tmp_path):
    (tmp_path / "invoke.yaml").write_text(f"{GOOD}  variables: {{GREETING: string}}\n")
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfGREETING=hello\n")
    done = call("env.show", "--env", "test", stdout=subprocess.PIPE)
    assert "GREETING  'hello'  from .env" in done.stdout


@pytest.mark.parametrize("call", PROGRAMS, indirect=True)
@pytest.mark.parametrize(
    "words", [("--list",), ("--help", "deploy"), ("env.show", "--env", "test"), ("preflight", "--env", "test")]
)  # fmt: skip
def test_a_reader_that_is_gone_is_no_error_of_ours(call, words):
    """But for `inv --help`, which Invoke prints before it loads any task."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = call(*words, stdout=writer, timeout=60)
    finally:
        os.close(writer)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
