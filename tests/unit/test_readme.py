"""The README says what is: its commands exist, with their options; its settings load; its links lead somewhere."""

import inspect
import re
import subprocess
from pathlib import Path

import pytest

from edgepaas_tasks import ns
from edgepaas_tasks.settings import load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def commands():
    found = re.findall(r"(?:\.venv/bin/)?inv ((?:[a-z.]+ ?|--[a-z-]+ ?)[^`\n]*)", README)
    return sorted({words.split("`")[0].strip() for words in found})


@pytest.mark.parametrize("words", commands())
def test_every_command_of_the_readme_exists_with_its_options(words):
    first, *rest = words.split()
    if first == "--list":
        return
    name = rest[0] if first == "--help" else first
    assert name in ns.task_names or name in ns.collections
    # Not get_arguments(): Invoke hands out each help text once.
    options = {one.strip("_") for one in inspect.signature(ns[name].body).parameters}
    for option in re.findall(r"--([a-z-]+)", words.removeprefix("--help")):
        assert option.replace("-", "_") in options


def test_there_are_commands_to_check():
    assert "deploy --env prod" in commands()
    assert len(commands()) >= 10


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", README, re.M)))
)
def test_every_make_target_of_the_readme_exists(target):
    name = "".join(target)
    done = subprocess.run(["make", "-n", name], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_settings_of_the_readme_load():
    from invoke.vendor import yaml

    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.S)
    tree = yaml.safe_load(text)["edgepaas"]
    for environment in tree["environments"]:
        assert load(tree, environment).app == "guestbook"


def test_links_lead_to_files():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
