"""A host that the former release of this project deployed: the present one goes on from there, and back."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from edgepaas_tasks.lab.load import Load

from .conftest import STEADY

ROOT = Path(__file__).parents[2]
# The last commit in which `remote` and `env` were packages of their own.
FORMER = "3521968b116ed467247a877f0ab02e5e89be4d19"


@pytest.fixture
def former(tmp_path):
    """The former release's files, with its example app."""
    words = ("git", "-C", str(ROOT), "archive", FORMER)
    done = subprocess.run(words, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"this clone does not have the former release: {done.stderr.decode()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(tmp_path / "former", filter="data")
    return tmp_path / "former"


def test_a_host_of_the_former_release_is_deployed_over_and_rolled_back(project, former):
    shutil.rmtree(project.app)
    # Its health page says `from env import health`.
    shutil.copytree(former / "examples" / "guestbook", project.app)
    project.deploy("--version", "former", PYTHONPATH=str(former))
    before = project.status()[0]
    assert (before["version"], before["drift"]) == ("former", [])
    answers = [project.get("/health/ready")]
    # The site's file has new directives, so nginx is reloaded once. That closes idle connections, as any reload does.
    with Load(project.url, keep_alive=False, **STEADY) as load:
        project.deploy("--version", "present")
    assert load.report.failed == 0, load.report
    assert project.get()["version"] == "present"
    answers.append(project.get("/health/ready"))
    with Load(project.url, **STEADY) as load:
        project.inv("rollback", "--env", "lab")
    assert load.report.failed == 0, load.report
    after = project.status()[0]
    assert (after["release"], after["drift"]) == (before["release"], [])
    assert project.get()["version"] == "former"
    assert answers[0] == answers[1], "the app finds our health answers under their former name"
    # And back to the former release of the project, if somebody has to.
    said = project.inv("status", "--env", "lab", PYTHONPATH=str(former)).stdout
    assert "former" in said
