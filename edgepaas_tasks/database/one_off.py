"""Programs of ours that run inside a container of the app's image, where nothing of ours is installed."""

from __future__ import annotations

import json
import secrets
from importlib.resources import files
from typing import Any

from edgepaas_tasks.remote.command import Command, script
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables.environment import Environment

_PACKAGE = "edgepaas_tasks.env"
# A module by that name: in sys.modules, and as an attribute of its package.
_ADD = """
def add(name):
    made = sys.modules[name] = types.ModuleType(name)
    made.__path__ = []
    made.__package__, _, leaf = name.rpartition(".")
    if made.__package__:
        setattr(sys.modules[made.__package__], leaf, made)
    return made
"""


def program(*modules: str) -> str:
    """A Python program made of modules of `env`, each importable by the later ones; it runs the last one's main.

    Its arguments are those of main as one word, and the image's own command, whose Python it continues in.
    """
    lines = ["import sys, types", _ADD]
    packages = {"edgepaas_tasks", _PACKAGE}
    packages |= {f"{_PACKAGE}.{name.rpartition('.')[0]}" for name in modules if "." in name}
    lines += [f"add({name!r})" for name in sorted(packages)]
    for name in ("command", *modules):
        path = f"{name.replace('.', '/')}.py"
        source = files(_PACKAGE).joinpath(path).read_text(encoding="utf-8")
        lines += [
            f"m = add('{_PACKAGE}.{name}')",
            f"exec(compile({source!r}, 'env/{path}', 'exec'), m.__dict__)",
        ]
        if name == "command":
            lines.append("m.continue_in(m.interpreter(m.words(['--image', sys.argv[2]])))")
    lines.append("m.main(sys.argv[1].split())")
    return "\n".join(lines)


def command(
    service: Service,
    image: str,
    composed: Environment,
    modules: tuple[str, ...],
    arguments: tuple[str, ...],
    *,
    changes: bool,
) -> Command:
    """Runs the last of `modules` on the host with the release's variables.

    What changes the schema runs alone, under the lease, and ends one that was left behind; what only reads runs beside
    anything, and ends nothing.
    """
    prefix = service.layout.service
    name = (
        f"{prefix}-migrate"
        if changes
        else f"{prefix}-{modules[-1].rpartition('.')[2]}-{secrets.token_hex(4)}"
    )
    root = service.layout.runtime(composed.certificate) if composed.certificate else ""
    command = script(
        "one-off",
        *composed.names,
        stdin=composed.text,
        image=image,
        name=name,
        program=program(*modules),
        arguments=" ".join(arguments),
        certificate=root,
        alone="yes" if changes else "",
    )
    return command.as_root()


def parse(text: str) -> dict[str, Any]:
    """The JSON document that such a program ends with."""
    try:
        found = json.loads(text.strip().splitlines()[-1])
        return found if isinstance(found, dict) else {}
    except (ValueError, IndexError):
        return {"verdict": "other", "said": text[-200:], "kind": "other", "message": text[-200:]}
