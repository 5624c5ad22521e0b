"""Modules of the runtime that run inside a container of the app's image, instead of the app."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from edgepaas_tasks.env.values.secret import Secret
from edgepaas_tasks.remote.command import Command, script
from edgepaas_tasks.service.service import Service
from edgepaas_tasks.variables import runtime as runtimes
from edgepaas_tasks.variables.environment import Environment


def command(
    service: Service,
    image: str,
    environment: Environment,
    module: str,
    arguments: tuple[str, ...],
    *,
    changes: bool,
) -> Command:
    """Run the main of a module of `env` on the host, with the release's variables.

    What changes the schema runs alone, under the lease, and ends one that was left behind. What only reads runs beside
    anything, and ends nothing.
    """
    prefix = service.layout.service
    kind = module.rpartition(".")[2]
    runtime = base64.b64encode(runtimes.build().content).decode()
    command = script(
        "one-off",
        *environment.names,
        stdin=Secret(runtime + environment.text.text()),
        image=image,
        name=f"{prefix}-migrate" if changes else f"{prefix}-{kind}-{secrets.token_hex(4)}",
        module=module,
        arguments=" ".join(arguments),
        certificate=service.layout.runtime(environment.certificate)
        if environment.certificate
        else "",
        alone="yes" if changes else "",
        runtime_size=len(runtime),
    )
    return command.as_root()


def parse(text: str) -> dict[str, Any]:
    """The JSON document that such a program ends with."""
    try:
        found = json.loads(text.strip().splitlines()[-1])
        return found if isinstance(found, dict) else {}
    except (ValueError, IndexError):
        return {"verdict": "other", "said": text[-200:], "kind": "other", "message": text[-200:]}
