"""CONTRIBUTING.md and docs/design.md name files and folders that exist."""

import re
from pathlib import Path

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.remote.errors import Unsupported
from edgepaas_tasks.remote.machine import systems
from edgepaas_tasks.remote.machine.facts import Facts
from edgepaas_tasks.remote.service import slots
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.service.service import describe

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/design.md"])
def test_every_path_that_a_page_names_is_there(page):
    named = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", (ROOT / page).read_text()))
    top = {path.name for path in ROOT.iterdir()}
    paths = {name for name in named if "/" in name.rstrip("/") and name.split("/")[0] in top}
    assert len(paths) > 5
    missing = {name for name in paths if not (ROOT / name).exists()}
    assert not missing
    packages = {name for name in named if name.startswith(("edgepaas_tasks/", "remote/", "env/"))}
    assert packages, "the pages describe the code"


def test_the_tests_of_a_module_are_where_it_is():
    """tests/unit/a/b/test_module.py tests a/b/module.py; a word more may name a part of it."""
    stray = []
    for path in sorted((ROOT / "tests" / "unit").rglob("test_*.py")):
        folder = path.parent.relative_to(ROOT / "tests" / "unit")
        if folder == Path():
            continue  # about the repository as a whole
        modules = ROOT / "edgepaas_tasks" / folder
        words = path.stem.removeprefix("test_").split("_")
        starts = ("_".join(words[:count]) for count in range(len(words), 0, -1))
        if not any((modules / f"{start}.py").is_file() for start in starts):
            stray.append(str(path.relative_to(ROOT)))
    assert not stray


def test_a_row_is_all_that_another_system_needs(monkeypatch):
    """The first list of "How to add", as an example."""
    facts = Facts(
        os="debian", os_version="14", os_codename="forky", os_name="Debian 14", arch="x86_64"
    )
    with pytest.raises(Unsupported, match="this system is not supported: Debian 14"):
        systems.system(facts, "web1")
    monkeypatch.setattr(systems, "SYSTEMS", (*systems.SYSTEMS, systems._apt("debian", "14")))
    row = systems.system(facts, "web1")
    assert (row.manager, systems.release(row, facts)) == ("apt", "forky")
    assert systems.install(row, "nginx").words == ("packages-apt", "nginx")
    assert "14" in systems.known()


def test_a_container_option_goes_from_the_settings_to_docker_by_its_name():
    """`container.pids_limit` as an example, and every other option of a container the same way."""
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    service = describe(settings.load({**tree, "container": {"pids_limit": 77}}, "test"))
    assert service.spec.pids_limit == 77
    release = Release(1, "v1", "sha256:1", "shop:v1", ())
    start = slots.start(service.site, service.spec, release, slot="blue", drain=5)
    assert ("pids_limit", "77") in start.values
    assert '--pids-limit "$pids_limit"' in start.body
    demanded = set(re.findall(r'"\$\{(\w+):?\?\}"', start.body))
    assert {name for name, _ in start.values} == demanded
