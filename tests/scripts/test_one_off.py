"""Programs of ours in containers of the app's image: what they end before they begin, and what never."""

import base64
import sys

import pytest

from edgepaas_tasks.database import one_off
from edgepaas_tasks.env.one_off import MODULES
from edgepaas_tasks.variables import runtime

ANSWERS = 'case "$*" in *inspect*) echo "[null,null]" ;; run*) echo "{}" ;; esac'


def called(run, name, kind):
    values = {"image": "sha256:1", "module": "reach", "arguments": "status", "certificate": ""}
    alone = "yes" if kind == "alone" else ""
    return run(
        "one-off",
        "TOKEN",
        stdin=b"UEsDTOKEN=1\n",
        runtime_size="4",
        name=name,
        alone=alone,
        **values,
    )


@pytest.mark.parametrize(
    ("kind", "ended"), [("alone", ["docker rm -f shop-migrate"]), ("beside", [])]
)
def test_only_what_changes_something_ends_one_that_was_left_behind(run, stubs, kind, ended):
    stubs.add("docker", ANSWERS)
    assert called(run, "shop-migrate", kind).text == "{}"
    assert [line for line in stubs.said if line.startswith("docker rm")] == ended


def test_the_variables_are_named_and_their_values_are_in_no_word(run, stubs):
    stubs.add("docker", ANSWERS)
    called(run, "shop-status-1", "beside")
    (started,) = [line for line in stubs.said if line.startswith("docker run")]
    assert (
        "--name shop-status-1 --label edgepaas.one-off=yes -e TOKEN --entrypoint python3" in started
    )
    assert "TOKEN=1" not in started


RUNS = """
case $1 in
image) echo '[null,null]' ;;
run)
    while [ "$1" != -c ]; do shift; done
    cd {folder} && exec {python} -S "$@"
    ;;
esac
"""


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_of_the_runtime_runs_where_nothing_of_ours_is_installed(
    run, stubs, tmp_path, module
):
    """From memory: nothing is written in the container."""
    (tmp_path / "app").mkdir()
    stubs.add("docker", RUNS.format(folder=tmp_path / "app", python=sys.executable))
    coded = base64.b64encode(runtime.build().content)
    values = {"image": "sha256:1", "name": "shop-x", "certificate": "", "alone": ""}
    values |= {"runtime_size": str(len(coded)), "module": module}
    words = {"reach": "alembic.ini", "migrations.migrate": "status alembic.ini NAME 5"}
    arguments = words.get(module, "reset alembic.ini NAME 5 shop")
    result = run("one-off", "A", stdin=coded + b"A=1\n", arguments=arguments, **values)
    assert isinstance(one_off.parse(result.stdout), dict)
    assert result.stdout.startswith("{")
    assert not list((tmp_path / "app").iterdir())


def test_another_module_is_not_run(run, stubs, tmp_path):
    stubs.add("docker", RUNS.format(folder=tmp_path, python=sys.executable))
    coded = base64.b64encode(runtime.build().content)
    values = {"image": "sha256:1", "name": "shop-x", "certificate": "", "alone": ""}
    values |= {"runtime_size": str(len(coded)), "module": "os", "arguments": ""}
    result = run("one-off", stdin=coded, codes=(1,), **values)
    assert "os is not a module that can be run" in result.stderr
