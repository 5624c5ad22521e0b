"""Our tasks in other people's projects, from a wheel in a virtual environment of its own."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("edgepaas_tasks", "remote", "env")


def call(*words, cwd, **more):
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, **more
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A clean virtual environment with our wheel; what the wheel depends on is that of these tests."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        source.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, symlinks=True)
        else:
            shutil.copyfile(ROOT / name, source / name)
    words = ("-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", folder / "dist", source)
    code, _, said = call(sys.executable, *words, cwd=folder)
    assert code == 0, said
    (wheel,) = (folder / "dist").glob("*.whl")
    clean = folder / "clean"
    call(sys.executable, "-m", "venv", "--without-pip", clean, cwd=folder)
    (site,) = (clean / "lib").glob("*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = clean / "bin" / "python"
    words = ("-m", "pip", "--python", python, "install", "-q", "--no-deps", wheel)
    code, _, said = call(sys.executable, *words, cwd=folder)
    assert code == 0, said
    return python, site


@pytest.fixture
def inv(installed, tmp_path):
    """Runs `inv` of that environment in a project's folder, with nothing of this repository on the path."""
    python, _ = installed
    (tmp_path / "project").mkdir()

    def inv(*words):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        return call(python, "-m", "invoke", *words, cwd=tmp_path / "project", env=environment)

    inv.folder = tmp_path / "project"
    return inv


ENVIRONMENTS = {
    "test": {"hosts": [{"address": "127.0.0.1", "port": 9}], "ssh": {"timeout": 2}},
}


def test_the_wheel_has_everything_that_the_packages_need(installed, tmp_path):
    python, site = installed
    code = (
        "import edgepaas_tasks.env.values.schema; from edgepaas_tasks.remote.command import source;"
        "from edgepaas_tasks.remote.service import nginx; import edgepaas_tasks.lab.images as images;"
        "from edgepaas_tasks.scaffold.write import render; nginx._template();"
        "[source(name) for name in ('put', 'engine', 'flip')]; images._recipe('debian.Dockerfile');"
        "render('gitignore', {}); print(edgepaas_tasks.__file__)"
    )
    done, out, said = call(python, "-c", code, cwd=tmp_path)
    assert done == 0, said
    assert Path(out.strip()).is_relative_to(site)


def test_the_program_begins_a_project_where_there_is_nothing(installed, tmp_path):
    python, _ = installed
    for words in ((python.parent / "edgepaas", "init"), (python, "-m", "edgepaas_tasks", "init")):
        done, out, said = call(*words, "--app", "shop", cwd=tmp_path)
        assert done == 0, said
    assert "left alone, since it is there: tasks.py" in out
    # It has the settings of the directory, as `inv` has.
    done, out, _ = call(
        python.parent / "edgepaas", "hosts.show", "--env", "lab", "--json", cwd=tmp_path
    )
    assert done == 1


TASKS = """
from invoke import Collection, task

from edgepaas_tasks.namespaces import nginx, volume


@task
def hello(c):
    print(f"{c.shop.greeting} from {c.edgepaas.app}")


ns = Collection(hello)
ns.add_collection(nginx.ns)
ns.add_collection(volume.ns, name="disk")
ns.configure({"shop": {"greeting": "hello"}, "edgepaas": SETTINGS})
"""


def test_two_collections_beside_a_projects_own_with_its_own_settings(inv):
    settings = {"app": "shop", "environments": ENVIRONMENTS}
    (inv.folder / "tasks.py").write_text(TASKS.replace("SETTINGS", repr(settings)))
    _, out, _ = inv("--list")
    listed = {line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    assert {"hello", "nginx.flip", "nginx.status", "disk.attach"} <= listed
    assert not {"deploy", "env.show"} & listed
    assert inv("hello")[1] == "hello from shop\n"
    code, out, said = inv("nginx.status", "--env", "test")
    assert "127.0.0.1: no SSH connection" in out + said
    code, _, said = inv("disk.attach", "--env", "test")
    assert (code, said) == (1, "test has no volume: set edgepaas.volume.id and volume.size\n")
    assert inv("nginx.status", "--env", "tset")[0] == 2


def test_the_whole_collection_below_a_name_and_settings_from_a_file(inv):
    (inv.folder / "tasks.py").write_text(
        "from invoke import Collection\nimport edgepaas_tasks\n\n"
        "ns = Collection()\nns.add_collection(edgepaas_tasks.ns, name='paas')\n"
    )
    tree = {"edgepaas": {"app": "shop", "environments": ENVIRONMENTS}}
    (inv.folder / "invoke.yaml").write_text(json.dumps(tree))
    code, out, said = inv("paas.hosts.show", "--env", "test", "--json")
    assert code == 0, said
    assert json.loads(out)[0]["port"] == 9


def test_beside_a_virtual_environment_named_env(inv):
    for name in ("bin", "lib/python3/site-packages/remote"):
        (inv.folder / "env" / name).mkdir(parents=True)
    (inv.folder / "env" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (inv.folder / "tasks.py").write_text("from edgepaas_tasks import ns\n")
    tree = {"edgepaas": {"app": "shop", "environments": ENVIRONMENTS}}
    (inv.folder / "invoke.yaml").write_text(json.dumps(tree))
    assert inv("env.show", "--env", "test")[0] == 0
    assert inv("env.check", "--env", "test")[1] == "0 variables of test are as declared\n"


def test_the_wheel_installs_one_package(installed):
    _, site = installed
    added = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert added - {"__pycache__"} == {"edgepaas_tasks", "dependencies.pth"}
    assert (site / "edgepaas_tasks" / "py.typed").exists()
    (info,) = site.glob("edgepaas_tasks-*.dist-info")
    assert (info / "top_level.txt").read_text().split() == ["edgepaas_tasks"]


def test_beside_modules_of_the_project_that_are_named_as_folders_of_ours(inv):
    (inv.folder / "env.py").write_text("STAGE = 'prod'\n")
    (inv.folder / "remote").mkdir()
    (inv.folder / "remote" / "__init__.py").write_text("STAGE = 'there'\n")
    (inv.folder / "tasks.py").write_text(
        "import env, remote\nfrom edgepaas_tasks import ns\n"
        "assert (env.STAGE, remote.STAGE) == ('prod', 'there')\n"
    )
    tree = {"edgepaas": {"app": "shop", "environments": ENVIRONMENTS}}
    (inv.folder / "invoke.yaml").write_text(json.dumps(tree))
    (inv.folder / "Dockerfile").write_text("FROM scratch\n")
    assert "deploy" in inv("--list")[1]
    assert inv("env.check", "--env", "test")[1] == "0 variables of test are as declared\n"
    code, out, said = inv("deploy", "--env", "test", "--dry-run")
    assert code == 1
    assert "127.0.0.1: no SSH connection" in out + said
