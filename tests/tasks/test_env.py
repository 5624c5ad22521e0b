"""`inv env.*` in a project of its own."""

import json
import os
import resource
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VARIABLES = {
    "GREETING": {"type": "string", "default": "hello"},
    "TOKEN": {"type": "string", "secret": True, "required": True},
    "WORKERS": "integer",
}

NEXT = (
    "  next:  give the values in .env.test or .env, in the process environment, or by --set NAME=VALUE (a secret by "
    "--set NAME=@FILE); inv env.show --env test tells where each is from"
)


@pytest.fixture
def inv(tmp_path):
    tree = {
        "app": "shop",
        "variables": VARIABLES,
        "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}},
    }
    (tmp_path / "invoke.yaml").write_text(json.dumps({"edgepaas": tree}))
    (tmp_path / "tasks.py").write_text("from edgepaas_tasks import ns\n")

    def inv(*words, settings=None, **environment):
        if settings is not None:
            tree.update(settings)
            (tmp_path / "invoke.yaml").write_text(json.dumps({"edgepaas": tree}))
        ours = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words, "--env", "test"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **ours, **environment},
            capture_output=True,
            text=True,
        )

    return inv


def test_all_mistakes_are_told_at_once_and_end_in_a_failure(inv, tmp_path):
    (tmp_path / ".env").write_text("WORKERS=many\nGREETNG=x\n")
    done = inv("env.check")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "WORKERS (.env): expected an integer, got 'many'",
        "TOKEN: is required (string)",
        NEXT,
    ]


def test_good_variables_are_as_declared(inv, tmp_path):
    (tmp_path / ".env.test").write_text("WORKERS=04\nGREETNG=x\n")
    done = inv("env.check", TOKEN="hunter2hunter2")
    assert done.returncode == 0, done.stderr
    assert "warning: GREETNG (.env.test): is not declared; did you mean GREETING?" in done.stdout
    assert "3 variables of test are as declared" in done.stdout


def test_origins_are_shown_and_secrets_are_not(inv, tmp_path):
    (tmp_path / ".env").write_text("WORKERS=1\nTOKEN=hunter2hunter2\n")
    (tmp_path / ".env.test").write_text("WORKERS=2\n")
    shown = inv("env", "--set", "GREETING=$HOME `id`").stdout
    assert "GREETING  '$HOME `id`'  from --set" in shown
    assert "TOKEN     ***  from .env\n" in shown
    assert "WORKERS   '2'  from .env.test" in shown
    assert "from process environment" in inv("env.show", WORKERS="3").stdout
    assert "hunter2" not in shown


# Every source, the lowest first: how a value of WORKERS gets there, and what its origin is called.
SOURCES = ("default", ".env", ".env.test", "ssm", "file", "process environment", "--set")


def place(source, value, tmp_path, words, environment, settings):
    """Puts a value of WORKERS into one source."""
    if source == "default":
        settings["variables"] = {"WORKERS": {"type": "integer", "default": value}}
    elif source.startswith(".env"):
        (tmp_path / source).write_text(f"WORKERS={value}\n")
    elif source == "ssm":
        import boto3

        boto3.client("ssm").put_parameter(
            Name="/shop/test/WORKERS", Value=value, Type="SecureString", Overwrite=True
        )
        settings["ssm"] = {"path": "/shop/test"}
    elif source == "file":
        (tmp_path / "workers").write_text(f"{value}\n")
        environment["WORKERS_FILE"] = "workers"
    elif source == "process environment":
        environment["WORKERS"] = value
    else:
        words += ["--set", f"WORKERS={value}"]


PAIRS = [(low, high) for i, low in enumerate(SOURCES) for high in SOURCES[i + 1 :]]


@pytest.mark.parametrize(("low", "high"), PAIRS)
def test_of_each_two_sources_the_later_one_wins(inv, tmp_path, aws_server, low, high):
    words, environment = ["env.show"], {"TOKEN": "hunter2hunter2"}
    settings = {"variables": {"WORKERS": "integer"}}
    place(low, "1", tmp_path, words, environment, settings)
    place(high, "2", tmp_path, words, environment, settings)
    done = inv(*words, settings=settings, **environment)
    called = {"ssm": "ssm /shop/test", "file": "file workers (WORKERS_FILE)"}.get(high, high)
    assert f"WORKERS  '2'  from {called}\n" in done.stdout, done.stderr


def test_parameters_that_are_missing_denied_or_throttled_are_told_apart(inv, aws_server, tmp_path):
    ssm = {"ssm": {"path": "/shop/test"}}
    done = inv("env.check", settings=ssm)
    assert done.returncode == 1
    assert "there is no parameter below /shop/test" in done.stderr
    assert "correct edgepaas.ssm.path or edgepaas.aws.region" in done.stderr

    for code, said in (
        ("AccessDeniedException", "let this identity call GetParametersByPath"),
        ("ThrottlingException", "run the command again in a minute"),
    ):
        with refusing(code) as endpoint:
            done = inv("env.check", AWS_ENDPOINT_URL=endpoint, AWS_MAX_ATTEMPTS="1")
        assert done.returncode == 1
        assert f"could not read the parameters below /shop/test ({code})" in done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    done = inv("env.check", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "credentials" in done.stderr


@contextmanager
def refusing(code):
    """A server that says no in the words of AWS: the shape of its JSON protocol's errors."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.dumps({"__type": code, "message": f"{code} by the test"}).encode()
            self.send_response(400)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_secret_from_the_parameter_store_is_not_shown(inv, aws_server):
    import boto3

    boto3.client("ssm").put_parameter(
        Name="/shop/test/TOKEN", Value="p4r4m-sentinel", Type="SecureString"
    )
    done = inv("env.show", settings={"ssm": {"path": "/shop/test"}})
    assert "TOKEN     ***  from ssm /shop/test" in done.stdout
    assert "p4r4m" not in done.stdout + done.stderr


def test_a_named_file_that_can_not_be_read_is_the_problem_and_not_the_missing_value(inv, tmp_path):
    done = inv("env.check", TOKEN_FILE="/nowhere/token")
    assert done.stderr.splitlines() == [
        "TOKEN (TOKEN_FILE from process environment): /nowhere/token: No such file or directory",
        NEXT,
    ]
    (tmp_path / "token").write_text("hunter2hunter2\n")
    (tmp_path / ".env").write_text("TOKEN_FILE=token\n")
    shown = inv("env.show").stdout
    assert "TOKEN     ***  from file token (TOKEN_FILE)" in shown
    assert "not declared" not in shown


def test_values_of_dotenv_files_are_not_interpolated(inv, tmp_path):
    (tmp_path / ".env").write_text("GREETING='${HOME} $USER'\nTOKEN=abcdefgh\n")
    assert "GREETING  '${HOME} $USER'  from .env" in inv("env.show", HOME="/root").stdout


def test_a_mode_and_a_url_that_contradict_each_other_are_an_error(inv, tmp_path):
    variables = {"DATABASE_URL": {"type": "string", "secret": True}}
    (tmp_path / ".env").write_text("DATABASE_URL=postgres://u:pw9pw9@h/d\n")
    settings = {"variables": variables, "database": {"mode": "sqlite_only"}}
    checked = inv("env.check", settings=settings)
    assert checked.returncode == 2
    found = "DATABASE_URL (.env): leads to Postgres, and database.mode is sqlite_only: set database.mode: postgres_only"
    assert checked.stderr.startswith(found)
    rendered = inv("env.render", "--output", "canonical")
    assert rendered.returncode == 2
    assert not (tmp_path / "canonical").exists()
    shown = inv("env.show")
    assert f"wrong: {found}" in shown.stdout
    assert "pw9pw9" not in checked.stderr + rendered.stderr + shown.stdout


def test_what_the_app_gets_instead_of_what_was_given_is_shown(inv, tmp_path):
    variables = {"DATABASE_URL": {"type": "string", "secret": True}}
    settings = {"variables": variables, "database": {"mode": "postgres_only"}}
    (tmp_path / ".env").write_text("DATABASE_URL=postgres://u:pw9pw9@db.example.org/d\n")
    lines = inv("env.show", settings=settings).stdout.splitlines()
    given = "from .env; the app gets it as postgresql://… with sslmode=require"
    assert lines == [
        f"DATABASE_URL  ***  {given}",
        "also set: FINAL_DB_MODE=postgres_only, RUN_MIGRATIONS=false, EDGEPAAS_DATABASE_WAIT=30, "
        "EDGEPAAS_ALEMBIC=alembic.ini",
    ]
    settings["database"] = {"mode": "sqlite_only"}
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///./here.db\n")
    answer = json.loads(inv("env.show", "--json", settings=settings).stdout)
    assert answer["variables"][0] == {
        "name": "DATABASE_URL",
        "value": None,
        "got": None,
        "secret": True,
        "origin": ".env",
    }
    assert answer["also"] == {"FINAL_DB_MODE": "sqlite_only"}
    shown = inv("env.show").stdout
    assert "DATABASE_URL  ***  from .env; the app gets 'sqlite:////data/shop.db'" in shown
    settings["database"] = {"mode": "none"}
    (tmp_path / ".env").write_text("DATABASE_URL=mysql://u:pw9pw9@h/d\n")
    shown = inv("env.show", settings=settings).stdout.splitlines()
    assert shown == [
        "DATABASE_URL  ***  from .env",
        "also set: FINAL_DB_MODE=none",
    ]


def test_declarations_can_have_a_file_of_their_own(inv, tmp_path):
    (tmp_path / "variables.yaml").write_text("PORT: {type: port, default: 80}\n")
    assert "PORT  '80'  from default" in inv("env", settings={"variables": "variables.yaml"}).stdout
    (tmp_path / "variables.yaml").write_text("PORT: {tpe: port}\n")
    done = inv("env")
    assert done.returncode == 2
    assert "unknown key 'tpe'; did you mean 'type'?" in done.stderr
    (tmp_path / "variables.yaml").write_text("PORT: [\n")
    assert "variables.yaml is not YAML" in inv("env").stderr
    (tmp_path / "variables.yaml").unlink()
    assert "variables.yaml: No such file or directory" in inv("env").stderr


def test_strict_makes_an_undeclared_name_an_error(inv, tmp_path):
    (tmp_path / ".env").write_text("GREETNG=x\n")
    given = {"TOKEN": "hunter2hunter2"}
    assert inv("env.check", **given).returncode == 0
    done = inv("env.check", settings={"strict_variables": True}, **given)
    assert done.returncode == 2
    assert "GREETNG (.env): is not declared; did you mean GREETING?" in done.stderr


def test_two_hundred_variables_with_twenty_mistakes_in_one_report(inv, tmp_path):
    declared = {f"NUMBER_{n}": {"type": "integer", "required": True} for n in range(200)}
    wrong = [f"NUMBER_{n}" for n in range(0, 200, 10)]
    first = dict([*declared.items()][:1])

    def check(variables):
        """What came of it, and the processor time that it took: a busy machine says nothing about us."""
        (tmp_path / ".env").write_text(
            "".join(f"{name}={'many' if name in wrong else '1'}\n" for name in variables)
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = inv("env.check", settings={"variables": variables})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    check(first)  # so that what follows finds everything in the disk's cache
    _, least = check(first)
    done, took = check(declared)
    assert took < 2 * least, "two hundred take as long as one"
    assert done.stderr.splitlines() == [
        *(f"{name} (.env): expected an integer, got 'many'" for name in wrong),
        NEXT,
    ]


def test_the_canonical_file_is_written_for_its_owner_alone(inv, tmp_path):
    given = {"TOKEN": "it's $5 `x` \\"}
    output = tmp_path / "canonical"
    done = inv("env.render", "--output", "canonical", **given)
    assert done.returncode == 0, done.stderr
    assert oct(output.stat().st_mode & 0o777) == "0o600"
    words = ["sh", "-c", 'set -a; . ./canonical; printf %s "$TOKEN"']
    assert (
        subprocess.run(words, cwd=tmp_path, capture_output=True, text=True).stdout == given["TOKEN"]
    )
    first = output.read_text()
    inv("env.render", "--output", "canonical", **given)
    assert output.read_text() == first, "deterministic"
    assert "python-dotenv would read TOKEN" in inv("env.check", **given).stdout

    output.write_text("MINE=1\n")
    done = inv("env.render", "--output", "canonical", **given)
    assert done.returncode == 1
    assert "was not written by this command" in done.stderr
    assert output.read_text() == "MINE=1\n"
    assert inv("env.render", **given).returncode == 2
    assert "No such file" in inv("env.render", "--output", "no/where", **given).stderr


def test_an_example_is_written_from_what_is_declared(inv, tmp_path):
    settings = {
        "variables": {
            "TOKEN": {
                "type": "string",
                "secret": True,
                "required": True,
                "description": "Of the shop.",
            },
            "LEVEL": {"type": "choice", "choices": ["low", "high"], "default": "low"},
            "URL": {"type": "url", "required_if": {"database": "postgres_only"}},
        }
    }
    assert inv("env.example", settings=settings).returncode == 0
    assert (tmp_path / ".env.example").read_text().split("\n\n")[1:] == [
        "# string, required, secret\n# Of the shop.\nTOKEN=",
        "# one of low, high, optional\n# LEVEL='low'",
        "# url, required when database is postgres_only\n# URL=\n",
    ]
    assert inv("env.example").returncode == 0, "again, over our own"
    (tmp_path / ".env.example").write_text("mine")
    assert inv("env.example").returncode == 1


def test_in_github_actions_what_is_made_of_a_secret_is_masked_too(inv, tmp_path):
    given = {"TOKEN": "postgresql://u:p%40ss-sentinel@db/x"}
    done = inv("env.show", GITHUB_ACTIONS="true", **given)
    masks = [line for line in done.stderr.splitlines() if line.startswith("::add-mask::")]
    said = {line.removeprefix("::add-mask::").replace("%25", "%") for line in masks}
    assert {given["TOKEN"], "p%40ss-sentinel", "p@ss-sentinel"} <= said
    rest = "\n".join(line for line in done.stderr.splitlines() if line not in masks)
    assert "sentinel" not in done.stdout + rest
    assert "add-mask" not in inv("env.show", **given).stderr
