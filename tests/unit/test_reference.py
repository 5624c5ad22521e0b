"""docs/settings.md and docs/tasks.md have every setting and every task, as the code has them now."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_origin

import pytest

from edgepaas_tasks import ns
from edgepaas_tasks.reference import descriptions
from edgepaas_tasks.settings import app, delivery, hosts, root
from edgepaas_tasks.settings.base import Part

ROOT = Path(__file__).parents[2]
CLASSES = sorted(
    {
        one
        for module in (app, delivery, hosts, root)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Part) and one is not Part
    },
    key=lambda one: one.__name__,
)
TEXT = {name: (ROOT / "docs" / name).read_text() for name in ("settings.md", "tasks.md")}


def test_every_module_of_the_settings_is_looked_through():
    names = {path.stem for path in (ROOT / "edgepaas_tasks" / "settings").glob("*.py")}
    classes = {
        name
        for name in names
        for text in [(ROOT / "edgepaas_tasks" / "settings" / f"{name}.py").read_text()]
        if "(Part):" in text
    }
    assert classes == {"app", "delivery", "hosts", "root"}


def test_the_pages_are_as_make_reference_writes_them(tmp_path):
    """In a process of its own: Invoke hands out each help text once."""
    command = [sys.executable, "-m", "edgepaas_tasks.reference", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name, text in TEXT.items():
        assert (tmp_path / name).read_text() == text, f"docs/{name} is not current: make reference"


def places(model, prefix=""):
    """Every setting's dotted name, with the class that it is a field of."""
    for name, field in model.model_fields.items():
        yield model, name, f"{prefix}{name}"
        for one in (field.annotation, *get_args(field.annotation)):
            if isinstance(one, type) and issubclass(one, Part):
                many = "[]" if get_origin(field.annotation) is tuple else ""
                yield from places(one, f"{prefix}{name}{many}.")


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_every_field_has_a_description_and_is_on_the_page(model):
    headings = set(re.findall(r"^##+ (.*)$", TEXT["settings.md"], re.M))
    page = " ".join(TEXT["settings.md"].split())
    for name, description in descriptions(model).items():
        assert description.endswith("."), f"{model.__name__}.{name}"
        assert description in page
        # The keys of a class that occurs more than once are on the page once.
        assert headings & {
            place for of, key, place in places(root.Settings) if (of, key) == (model, name)
        }


def test_every_field_of_every_class_is_looked_at():
    assert sum(len(descriptions(model)) for model in CLASSES) == sum(
        len(model.model_fields) for model in CLASSES
    )


def test_a_field_without_a_description_is_named():
    class Bare(Part):
        told: int = 1
        """What it is."""
        untold: int = 2

    with pytest.raises(ValueError, match="Bare: no description of untold"):
        descriptions(Bare)


@pytest.mark.parametrize("name", sorted(ns.task_names))
def test_every_task_is_on_the_page(name):
    assert f"\n### {name}\n\n{ns[name].__doc__.strip()}\n" in TEXT["tasks.md"]
