"""The one file that starts an app, run as a container would run it, by every Python that is here."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgepaas_tasks.variables import runtime

DUMP = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("runtime") / "runtime.pyz"
    path.write_bytes(runtime.build().content)
    return path


@pytest.fixture
def start(file, tmp_path):
    """Starts the file's command in a directory of its own, without our package on any path."""

    def start(*words, python=sys.executable, **environment):
        given = {"PATH": os.environ["PATH"], **environment}
        return subprocess.Popen(
            [python, str(file), *words],
            cwd=tmp_path,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(start):
    def run(*words, code=0, **more):
        process = start(*words, **more)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        assert "Traceback" not in err
        return out, err

    return run


def variables(run, **environment) -> dict[str, str]:
    return json.loads(run(sys.executable, "-c", DUMP, **environment)[0])


def test_equal_sources_are_one_name_and_every_module_is_in_it():
    first = runtime.build()
    runtime.build.cache_clear()
    again = runtime.build()
    assert again.file == first.file
    assert len(again.content) < 60_000
    names = set(zipfile.ZipFile(io.BytesIO(again.content)).namelist())
    root = Path(__file__).parents[3]
    here = {f"edgepaas_tasks/{path.relative_to(root)}" for path in (root / "env").rglob("*.py")}
    former = {"former/env/__init__.py", "former/env/health.py"}
    assert names == here | {"__main__.py", "edgepaas_tasks/__init__.py"} | former


PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))


@pytest.mark.parametrize("python", [sys.executable, *map(str, PYTHONS)])
def test_any_python_from_3_9_starts_the_app(run, python):
    version = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info >= (3, 9))"], capture_output=True
    )
    if version.stdout.strip() != b"True":
        assert "older than 3.9" in run("true", python=python, code=1)[1]
        return
    assert run("echo", "it's here", python=python)[0] == "it's here\n"


def test_the_app_is_the_same_process_and_hears_of_it(start):
    code = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(60)"
    process = start(sys.executable, "-c", code)
    assert int(process.stdout.readline()) == process.pid
    process.terminate()
    assert process.wait(timeout=50) == -signal.SIGTERM
    process.communicate()


def test_ignored_signals_are_not_handed_on(run):
    out, _ = run("grep", "SigIgn", "/proc/self/status")
    ignored = int(out.split()[1], 16)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        assert not ignored & 1 << (number - 1), number.name


def test_the_app_finds_its_own_modules_and_ours_below_them(run, tmp_path, file):
    (tmp_path / "sibling.py").write_text("HERE = 'beside the app'\n")
    (tmp_path / "env").mkdir()  # a virtual environment, say
    code = "import edgepaas_tasks.env.health as h, sibling; print(sibling.HERE, h.__file__)"
    sub = "import runpy, sys; sys.path.pop(0); exec(sys.argv[1])"
    out, _ = run(sys.executable, "-c", sub, code)
    assert out.split() == ["beside", "the", "app", f"{file}/edgepaas_tasks/env/health.py"]
    former = "from env import health; import env.health as h; print(health.ready, h.live)"
    assert run(sys.executable, "-c", sub, former)[0].count("<function") == 2
    (tmp_path / "env.py").write_text("HEALTH = 'the app has an env of its own'\n")
    code = "import env; from edgepaas_tasks.env import health; print(env.HEALTH)"
    out, _ = run(sys.executable, "-c", sub, code, PYTHONPATH="/nowhere")
    assert out == "the app has an env of its own\n"


def test_an_env_in_another_place_of_the_app_wins_as_well(run, tmp_path, file):
    (tmp_path / "lib" / "env").mkdir(parents=True)
    (tmp_path / "lib" / "env" / "__init__.py").write_text("MINE = True\n")
    found = variables(run, PYTHONPATH=f"{tmp_path}/lib")
    assert found["PYTHONPATH"] == f"{tmp_path}/lib:{tmp_path}:{file}"


def test_what_was_resolved_is_in_os_environ(run):
    url, file = "postgres://u:p@127.0.0.1:1/d", "/none/app.db"
    given = {"DATABASE_URL": url, "FINAL_DB_MODE": "sqlite_only", "EDGEPAAS_SQLITE": file}
    found = variables(run, **given)
    assert found["FINAL_DB_MODE"] == "sqlite_only"
    assert found["DATABASE_URL"] == f"sqlite:///{file}"
    assert found["EDGEPAAS_PLACE"] == "local"
    assert found["RUN_MIGRATIONS"] == "false"
    assert "DATABASE_URL" not in variables(run)


def test_nothing_else_is_in_the_apps_environment(run):
    names = {line.partition("=")[0] for line in run("env")[0].splitlines()}
    ours = {"EDGEPAAS_RUNTIME", "EDGEPAAS_PLACE", "FINAL_DB_MODE", "RUN_MIGRATIONS", "PYTHONPATH"}
    assert names == ours | {"PATH"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"FINAL_DB_MODE": "mysql"}, "expected one of postgres_only, try_postgres, sqlite_only"),
        ({"FINAL_DB_MODE": "postgres_only"}, "DATABASE_URL is not set"),
        (
            {"FINAL_DB_MODE": "postgres_only", "DATABASE_URL": "mysql://u:s3cret@h/d"},
            "DATABASE_URL is no URL of Postgres",
        ),
        ({"FINAL_DB_MODE": "try_postgres"}, "EDGEPAAS_SQLITE names no file"),
        (
            {"FINAL_DB_MODE": "sqlite_only", "DATABASE_URL": "postgres://u:s3cret@h/d"},
            "EDGEPAAS_SQLITE names no file",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_started(run, environment, said):
    out, err = run("echo", "started", code=78, **environment)
    assert "edgepaas: not started: " in err
    assert said in err
    assert "s3cret" not in err
    assert out == ""


def test_a_command_that_is_not_there_is_named(run):
    assert "the image has no no-such-app" in run("no-such-app", code=78)[1]
    assert "there is no command" in run(code=78)[1]


def test_inside_of_itself_it_only_becomes_the_command(run, file):
    out, err = run(sys.executable, str(file), "echo", "twice")
    assert out == "twice\n"
    assert err.count("edgepaas: local") == 1


def test_it_goes_on_in_the_python_of_the_app(run, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    script = tmp_path / "app"
    script.write_text(
        f"#!{tmp_path}/venv/bin/python\nimport os; print(os.environ['EDGEPAAS_PYTHON'])\n"
    )
    script.chmod(0o755)
    assert run(str(script))[0] == f"{tmp_path}/venv/bin/python\n"


@pytest.mark.parametrize(("given", "allowed"), [("", False), ("false", False), ("True", True)])
def test_what_loses_something_is_allowed_by_a_variable(monkeypatch, given, allowed):
    from edgepaas_tasks.env import runtime as entrypoint
    from edgepaas_tasks.env.migrations import migrate, scripts
    from edgepaas_tasks.env.migrations.refused import MigrationRefused

    def up(url, chain, *, allow_destructive, wait):
        if not allow_destructive:
            raise MigrationRefused("destructive", "2 drops a column")
        return {"at": ["2"], "applied": ["2"]}

    monkeypatch.setenv("DATABASE_URL", "")  # and as it was afterwards
    monkeypatch.setattr(scripts, "read", lambda configuration: object())
    monkeypatch.setattr(migrate, "up", up)
    environ = {"EDGEPAAS_ALLOW_DESTRUCTIVE": given} if given else {}
    if allowed:
        entrypoint._migrate(environ, "postgresql://u:p@h/d")
        return
    with pytest.raises(entrypoint.NotStarted, match="EDGEPAAS_ALLOW_DESTRUCTIVE=true"):
        entrypoint._migrate(environ, "postgresql://u:p@h/d")
