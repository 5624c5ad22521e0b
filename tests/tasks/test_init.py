"""`inv init`: what it writes into an empty directory and into somebody's project, and that what is there stays."""

import ast
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from invoke.vendor import yaml

from edgepaas_tasks.scaffold.project import Variable, look
from edgepaas_tasks.settings import load
from tests.github import Runner, programs

ROOT = Path(__file__).parents[2]
WORKFLOW = ".github/workflows/deploy.yml"
BIN = Path(sys.executable).parent


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "Corner Shop"
    folder.mkdir()
    return folder


FASTAPI = """from fastapi import FastAPI

api = FastAPI()


@api.get("/health")
def health():
    return {}


@api.get("/internal/health/ready")
def ready():
    return {}
"""


@pytest.fixture
def existing(folder):
    """A FastAPI project as people have them."""
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").write_text("")
    (folder / "shop" / "main.py").write_text(FASTAPI)
    (folder / "requirements.txt").write_text("fastapi\nsqlalchemy\n")
    (folder / "alembic.ini").write_text("[alembic]\n")
    (folder / "env" / "lib").mkdir(parents=True)
    (folder / "env" / "pyvenv.cfg").write_text("")
    (folder / "env" / "lib" / "main.py").write_text("app = FastAPI()\n")
    (folder / ".env.example").write_text(
        "# ours\nDATABASE_URL=postgresql://shop\nexport LOG_LEVEL='info'\nSTRIPE_SECRET_KEY=sk\nPORT=80\n"
    )
    (folder / ".gitignore").write_text("env/\n")
    return folder


def settings(folder, environment):
    return load(yaml.safe_load((folder / "invoke.yaml").read_text())["edgepaas"], environment)


def test_an_empty_directory_gets_everything_that_a_deploy_needs(run_tasks, folder):
    said = run_tasks(folder, "init").stdout
    for name in ("tasks.py", "invoke.yaml", "Makefile", "Dockerfile", "app/main.py", WORKFLOW):
        assert f"wrote {name}" in said
        assert (folder / name).is_file()
    assert "left alone" not in said
    lab, prod = settings(folder, "lab"), settings(folder, "prod")
    assert (lab.app, lab.default_env, lab.health.path) == ("corner-shop", "lab", "/health/ready")
    assert lab.lab is not None
    assert prod.ec2.tags == {"Name": "corner-shop-prod"}
    assert (prod.ssh.user, prod.ssh.known_hosts) == ("ec2-user", "known_hosts")
    ast.parse((folder / "app/main.py").read_text())
    assert '"app.main:app"' in (folder / "Dockerfile").read_text()
    assert ".env\n" in (folder / ".gitignore").read_text()


def test_a_second_time_nothing_is_written(run_tasks, folder):
    run_tasks(folder, "init")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    said = run_tasks(folder, "init", "--app", "other").stdout
    assert "wrote" not in said
    assert said.count("left alone") >= 9
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_is_there_stays_and_is_named(run_tasks, existing):
    kept = {
        "tasks.py": "mine\n",
        "Makefile": "all:\n",
        "Dockerfile": "FROM python\nEXPOSE 9000/tcp\n",
        ".dockerignore": "**\n",
    }
    for name, text in kept.items():
        (existing / name).write_text(text)
    said = run_tasks(existing, "init").stdout
    for name, text in {**kept, ".gitignore": "env/\n"}.items():
        assert (existing / name).read_text() == text
        assert f"left alone, since it is there: {name}" in said
    assert "note: .gitignore was there and lacks .env, .env.*, .lab/" in said
    assert "note: .dockerignore" not in said
    assert settings(existing, "lab").container.port == 9000
    # A Dockerfile of theirs takes no argument of ours.
    assert settings(existing, "lab").build.args == {}
    assert not (existing / "app").exists()


def test_a_dangling_link_is_something_that_is_there(run_tasks, folder, tmp_path):
    (folder / "Makefile").symlink_to(tmp_path / "nowhere")
    assert "left alone, since it is there: Makefile" in run_tasks(folder, "init").stdout
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", [".gitignore", ".dockerignore"])
def test_rules_that_can_not_be_read_are_a_note(run_tasks, folder, tmp_path, name):
    (folder / name).symlink_to(tmp_path / "nowhere")
    said = run_tasks(folder, "init").stdout
    assert f"note: {name} is there and cannot be read (No such file or directory)" in said
    assert "add .env, " in said
    (folder / name).unlink()
    (folder / name).mkdir()
    said = run_tasks(folder, "init").stdout
    assert f"note: {name} is there and cannot be read (Is a directory)" in said


def test_rules_in_another_encoding_are_read(run_tasks, folder):
    (folder / ".dockerignore").write_bytes("# für uns\n.env\n.git\n.lab\n".encode("latin-1"))
    (folder / ".gitignore").write_bytes("# für uns\n.env\n".encode("latin-1"))
    said = run_tasks(folder, "init").stdout
    assert "note: .dockerignore" not in said
    assert "note: .gitignore was there and lacks .env.*, .lab/" in said


@pytest.mark.parametrize(
    ("name", "file"), [("app", "app/__init__.py"), (".github", ".github/workflows/deploy.yml")]
)
def test_a_file_in_the_place_of_a_directory_is_found_before_anything_is_written(
    run_tasks, folder, name, file
):
    (folder / name).write_text("")
    said = run_tasks(folder, "init", code=1).stderr
    assert said == f"{folder / file}: {name} is no directory; nothing was written\n"
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_directory_that_takes_nothing_is_found_before_anything_is_written(
    run_tasks, folder, monkeypatch
):
    (folder / ".github").mkdir()
    access = os.access
    # Whoever may do everything, as root, is not stopped by a mode.
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name != ".github" and access(path, mode)
    )
    said = run_tasks(folder, "init", code=1).stderr
    assert said == (
        f"{folder / WORKFLOW}: {folder / '.github'} is not writable; nothing was written\n"
    )
    assert [path.name for path in folder.iterdir()] == [".github"]


def test_an_existing_project_is_read(run_tasks, existing):
    found = look(existing)
    assert (found.target, found.install, found.serves) == (
        "shop.main:api",
        "requirements.txt",
        False,
    )
    assert (found.health, found.alembic) == ("/internal/health/ready", True)
    assert found.variables == (
        Variable("DATABASE_URL", secret=True),
        Variable("LOG_LEVEL", secret=False, default="info"),
        Variable("STRIPE_SECRET_KEY", secret=True),
    )
    assert found.environments == ("env",)
    run_tasks(existing, "init")
    dockerfile = (existing / "Dockerfile").read_text()
    assert '"shop.main:api"' in dockerfile
    assert "-r /tmp/requirements.txt uvicorn\n" in dockerfile
    assert "\nenv\n" in (existing / ".dockerignore").read_text()
    lab, prod = settings(existing, "lab"), settings(existing, "prod")
    assert (lab.database.mode, prod.database.mode) == ("sqlite_only", "postgres_only")
    assert set(prod.variables) == {"DATABASE_URL", "LOG_LEVEL", "STRIPE_SECRET_KEY"}
    assert prod.variables["STRIPE_SECRET_KEY"]["secret"]
    deploy = yaml.safe_load((existing / WORKFLOW).read_text())["jobs"]["deploy"]
    (step,) = [one for one in deploy["steps"] if one.get("name") == "Deploy"]
    assert set(step["env"]) == {"DATABASE_URL", "STRIPE_SECRET_KEY"}


def test_a_factory_below_src_and_a_pyproject(run_tasks, folder):
    (folder / "src" / "shop").mkdir(parents=True)
    (folder / "src" / "shop" / "main.py").write_text(
        "from fastapi import FastAPI\n\n\ndef create_app() -> FastAPI:\n    app = FastAPI()\n    return app\n"
    )
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["fastapi"]\n')
    said = run_tasks(folder, "init").stdout
    assert "note: no health route was found" in said
    dockerfile = (folder / "Dockerfile").read_text()
    assert '"shop.main:create_app", "--factory"' in dockerfile
    assert "ENV PYTHONPATH=/app/src\n" in dockerfile
    assert "--no-cache-dir . uvicorn\n" in dockerfile


def test_without_an_app_it_says_what_is_missing(run_tasks, folder):
    (folder / "script.py").write_text("print('x')\n")
    said = run_tasks(folder, "init").stdout
    assert "note: no app that uvicorn could run was found, so no Dockerfile was written" in said
    assert not (folder / "Dockerfile").exists()


def test_prod_may_be_one_address(run_tasks, folder):
    run_tasks(folder, "init", "--host", "203.0.113.5", "--user", "admin", "--app", "shop")
    prod = settings(folder, "prod")
    assert [host.address for host in prod.hosts] == ["203.0.113.5"]
    assert prod.ssh.user == "admin"
    text = (folder / WORKFLOW).read_text()
    assert "aws" not in text.lower()
    assert "id-token" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--app", "Shop!"), "--app 'Shop!'"),
        (("--host", "a", "--tag", "b"), "one inventory"),
        (("--region", "x y"), "--region 'x y'"),
        (("--folder", "nowhere"), "no such directory"),
    ],
)
def test_mistakes_write_nothing(run_tasks, folder, words, said):
    assert said in run_tasks(folder, "init", *words, code=2).stderr
    assert list(folder.iterdir()) == []


def test_a_tag_with_odd_characters_arrives_as_it_is(run_tasks, folder):
    tag = 'shop: "prod" #1'
    run_tasks(folder, "init", "--tag", tag, "--region", "eu-central-1")
    assert settings(folder, "prod").ec2.tags == {"Name": tag}
    assert settings(folder, "prod").ec2.region == "eu-central-1"


def test_the_makefile_calls_inv_with_the_environment(run_tasks, folder):
    run_tasks(folder, "init")
    # Without MAKEFLAGS: these tests are run by a make themselves.
    environ = {"PATH": os.environ["PATH"]}
    for target in ("deploy", "rollback", "status", "logs", "preflight", "setup"):
        words = ("make", "-n", target, "ENV=prod")
        done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True)
        assert done.stdout.split() == ["inv", target, "--env", "prod"], done.stderr
        # Those of this repository too.
        done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == f".venv/bin/inv {target} --env prod", done.stderr


def lint(workflow: Path) -> subprocess.CompletedProcess:
    words = (BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)
    return subprocess.run(words, capture_output=True, text=True)


def audit(workflow: Path) -> subprocess.CompletedProcess:
    """What a reviewer of workflows' security would say; versions of actions may be tags, as GitHub documents them."""
    config = workflow.parent / "zizmor.yml"
    config.write_text("rules: {unpinned-uses: {config: {policies: {'*': ref-pin}}}}\n")
    words = (BIN / "zizmor", "--offline", "--no-progress", "--config", config, workflow)
    return subprocess.run(words, capture_output=True, text=True)


@pytest.mark.parametrize("words", [(), ("--host", "203.0.113.5")])
def test_the_workflow_is_one_by_githubs_schema(run_tasks, existing, words):
    run_tasks(existing, "init", *words)
    for done in lint(existing / WORKFLOW), audit(existing / WORKFLOW):
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_would_notice(existing):
    bad = existing / "bad.yml"
    bad.write_text("on: push\njobs: {a: {runs-on: x, steps: [{runs: y}]}}\n")
    assert lint(bad).returncode == 1


def test_this_repositorys_own_workflow_runs_what_decides(tmp_path):
    workflow = ROOT / ".github" / "workflows" / "test.yml"
    assert lint(workflow).returncode == 0
    (step,) = (
        one for one in yaml.safe_load(workflow.read_text())["jobs"]["test"]["steps"] if "run" in one
    )
    (tmp_path / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text('#!/bin/sh\necho "decided in $PATH"\n')
    for program in (tmp_path / "sudo", tmp_path / ".ci" / "run"):
        program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ("bash", "-e", "-c", step["run"]), cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert done.stdout == f"decided in {environ['PATH']}\n", done.stderr
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_workflow_is_safe(run_tasks, existing):
    run_tasks(existing, "init")
    text = (existing / WORKFLOW).read_text()
    workflow = yaml.safe_load(text)
    version, deploy = workflow["jobs"]["version"], workflow["jobs"]["deploy"]
    assert workflow["concurrency"] == {"group": "deploy-prod", "cancel-in-progress": False}
    assert workflow["permissions"] == {"contents": "read"}
    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}
    assert deploy["environment"] == "prod"
    # The version is settled where no secret is known.
    assert "secrets." not in str(version)
    assert "environment" not in version
    assert deploy["env"] == {"BUILD_VERSION": "${{ needs.version.outputs.build_version }}"}
    for job in (version, deploy):
        assert job["timeout-minutes"]
        (checkout,) = [s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout")]
        assert checkout["with"]["fetch-depth"] == 0
    # An expression inside a script would be code of whoever chose its value.
    for step in (*version["steps"], *deploy["steps"]):
        assert "${{" not in step.get("run", "")


def test_shellcheck_likes_the_steps(run_tasks, existing):
    run_tasks(existing, "init")
    jobs = yaml.safe_load((existing / WORKFLOW).read_text())["jobs"].values()
    scripts = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    assert len(scripts) >= 6
    for script in scripts:
        done = subprocess.run(
            [BIN / "shellcheck", "-s", "bash", "-S", "style", "-"],
            input=script,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.fixture
def runner(run_tasks, existing, tmp_path, ssh_keys):
    """A runner for the workflow of a committed project. `inv` is ours, but for what needs hosts, which it notes."""
    run_tasks(existing, "init")
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        subprocess.run([*git, *words], cwd=existing, check=True)
    calls = tmp_path / "calls"
    real = f"exec {shlex.quote(sys.executable)} -m invoke"
    path = programs(
        tmp_path / "bin",
        inv=f'case $1 in build.version) {real} "$@" ;; esac\n'
        f'echo "$* $BUILD_VERSION $STRIPE_SECRET_KEY" >>{shlex.quote(str(calls))}\n'
        'case $1 in deploy) ssh-add -l; exit "${FAIL:-0}" ;; esac\necho "release 4 is live"',
        pip=f'echo "pip $*" >>{shlex.quote(str(calls))}',
    )
    environment = {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    secrets = {
        "SSH_PRIVATE_KEY": ssh_keys("client").read_text(),
        "STRIPE_SECRET_KEY": "sk-4eC39Hq",
        "DATABASE_URL": "postgresql://u:p@db/shop",
    }
    variables = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/deploy", "AWS_REGION": "eu-central-1"}
    made = Runner(existing, tmp_path / "runner", environment, secrets, variables, timeout=60)
    made.calls = calls
    return made


def test_the_steps_settle_the_version_and_hand_it_to_the_deploy(runner, existing):
    assert runner.run(WORKFLOW) == 0, [step.out for step in runner.steps]
    words = ("git", "rev-parse", "--short=12", "HEAD")
    commit = subprocess.run(words, cwd=existing, capture_output=True, text=True).stdout.strip()
    assert runner.needs["version"]["outputs"] == {"build_version": commit}
    assert runner.calls.read_text().splitlines() == [
        "pip install --quiet -r requirements-deploy.txt",
        "pip install --quiet -r requirements-deploy.txt",
        f"deploy --env prod {commit} sk-4eC39Hq",
    ]
    # The key is in the agent, and in no file.
    assert "SHA256:" in runner.step("Deploy").out
    assert not list((runner.scratch.parent).glob(".ssh/*"))
    assert runner.summary == ""
    used = {(job, uses.split("@")[0]): given for job, uses, given in runner.used}
    assert used["deploy", "aws-actions/configure-aws-credentials"] == {
        "role-to-assume": "arn:aws:iam::1:role/deploy",
        "aws-region": "eu-central-1",
    }


def test_no_secret_is_known_while_the_version_is_settled(runner):
    runner.run(WORKFLOW)
    seen = str([step.environment for step in runner.steps if step.job == "version"])
    assert not any(secret in seen for secret in runner.secrets.values())


def test_a_failed_deploy_reports_what_is_live_and_logs_out(runner):
    runner.environment["FAIL"] = "1"
    assert runner.run(WORKFLOW) == 1
    assert runner.step("Deploy").code == 1
    assert runner.summary == "### What is live\n```\nrelease 4 is live\n```\n"
    logout = runner.step("Log out")
    assert logout.code == 0
    # ssh-add says 2 where there is no agent; one that was told to end takes a moment.
    listed = ["ssh-add", "-l"]
    end = time.monotonic() + 30
    while subprocess.run(listed, env=logout.environment, capture_output=True).returncode != 2:
        assert time.monotonic() < end, "the agent runs on"
        time.sleep(0.1)


def test_a_cancelled_run_interrupts_the_deploy_itself(runner):
    """GitHub signals the step's shell; that has to be what deploys."""
    import signal

    script = runner.scratch / "step.sh"
    runner.scratch.mkdir()
    deploy = yaml.safe_load((runner.folder / WORKFLOW).read_text())["jobs"]["deploy"]
    (step,) = [one for one in deploy["steps"] if one.get("name") == "Deploy"]
    script.write_text(step["run"])
    marks = runner.scratch / "marks"
    path = programs(
        runner.scratch / "bin",
        inv=f"trap 'echo interrupted >>{marks}; exit 130' INT\necho begun >>{marks}\n"
        "i=0; while [ $i -lt 200 ]; do sleep 0.1; i=$((i+1)); done",
    )
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        env={"PATH": path},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not marks.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    assert marks.read_text().splitlines() == ["begun", "interrupted"]
