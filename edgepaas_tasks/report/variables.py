"""The app's variables: what is declared, where each comes from, what a push would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.env.values.layers import Resolution
    from edgepaas_tasks.service.service import Service
    from edgepaas_tasks.variables.difference import Change


def differences(service: Service, found: Mapping[str, Sequence[Change]]) -> str:
    """What a push would change, by name; hosts with the same changes are shown together."""
    lines = []
    together: dict[tuple[Change, ...], list[str]] = {}
    for host, changes in found.items():
        together.setdefault(tuple(changes), []).append(host)
    for each, names in together.items():
        lines.append(f"{', '.join(names)}: " + (f"{len(each)} changes" if each else "no change"))
        for one in each:
            shown = [text if one.secret else repr(text) for text in (one.before, one.after)]
            both = {"added": shown[1], "removed": shown[0], "changed": " -> ".join(shown)}
            secret = " (secret, fingerprints)" if one.secret else ""
            lines.append(f"  {one.kind:<7} {one.name}: {both[one.kind]}{secret}")
    if any(found.values()):
        lines.append(f"next: inv env.push --env {service.settings.environment}")
    return "\n".join(lines)


def checked(service: Service, found: Resolution, inexact: Sequence[str]) -> str:
    lines = [f"warning: {warning}" for warning in found.warnings]
    if inexact:
        lines.append(
            f"note: python-dotenv would read {', '.join(inexact)} from the canonical file differently "
            "(a quote or backslash together with $ or a backtick); sh, systemd and the container do not"
        )
    count = len(found.values)
    return "\n".join(
        [*lines, f"{count} variables of {service.settings.environment} are as declared"]
    )


def variables(found: Resolution) -> str:
    """Each variable with its origin; a secret's value is never shown."""
    width = max((len(name) for name in found.values), default=0)
    lines = [
        f"{name:<{width}}  {'***' if one.secret else repr(one.text)}  from {one.origin}"
        for name, one in found.values.items()
    ]
    lines += [f"wrong: {problem}" for problem in found.problems]
    lines += [f"warning: {warning}" for warning in found.warnings]
    return "\n".join(lines) or "no variables are declared"


def variables_json(found: Resolution) -> dict[str, Any]:
    """A secret has no value here."""
    return {
        "variables": [
            {
                "name": name,
                "value": None if one.secret else one.text,
                "secret": one.secret,
                "origin": one.origin,
            }
            for name, one in found.values.items()
        ],
        "problems": [str(problem) for problem in found.problems],
        "warnings": [str(warning) for warning in found.warnings],
    }


def checked_json(service: Service, found: Resolution, inexact: Sequence[str]) -> dict[str, Any]:
    return {
        "environment": service.settings.environment,
        "ok": not found.problems,
        "variables": len(found.values),
        "problems": [str(problem) for problem in found.problems],
        "warnings": [str(warning) for warning in found.warnings],
        "inexact": list(inexact),
    }


def differences_json(
    service: Service, found: Mapping[str, Sequence[Change]]
) -> dict[str, list[dict[str, Any]]]:
    return {host: [asdict(one) for one in changes] for host, changes in found.items()}
