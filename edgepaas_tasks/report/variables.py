"""The app's variables: what is declared, where each comes from, what a push would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an answer is worded without loading the others' work
    from edgepaas_tasks.env.values.layers import Resolution, Value
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


def variables(found: Resolution, got: Mapping[str, str]) -> str:
    """Each variable with its origin, and what the app gets where that is something else.

    A secret's value is never shown. `got` is empty where a problem keeps the app from getting anything.
    """
    width = max((len(name) for name in found.values), default=0)
    lines = [
        f"{name:<{width}}  {'***' if one.secret else repr(one.text)}  from {one.origin}{_instead(one, got)}"
        for name, one in found.values.items()
    ]
    if ours := _ours(found, got):
        lines.append(f"also set: {', '.join(f'{name}={text}' for name, text in ours.items())}")
    lines += [f"wrong: {problem}" for problem in found.problems]
    lines += [f"warning: {warning}" for warning in found.warnings]
    return "\n".join(lines) or "no variables are declared"


def _ours(found: Resolution, got: Mapping[str, str]) -> dict[str, str]:
    """What says which database to use, beside what is declared."""
    return {name: text for name, text in got.items() if name not in found.values}


def _instead(given: Value, got: Mapping[str, str]) -> str:
    """What the app gets instead of the value that was given."""
    name = given.name
    if got.get(name, given.text) == given.text:
        return ""
    if not given.secret or "@" not in got[name]:
        return f"; the app gets {got[name]!r}"
    more = set(got[name].partition("?")[2].split("&")) - set(
        given.text.partition("?")[2].split("&")
    )
    with_ = f" with {', '.join(sorted(more))}" if more else ""
    return f"; the app gets it as {got[name].partition(':')[0]}://…{with_}"


def variables_json(found: Resolution, got: Mapping[str, str]) -> dict[str, Any]:
    """A secret has no value here. `got` is what the app gets: null for a secret, or where a problem keeps it back.

    `also` is what the app gets beside what is declared.
    """
    declared = [
        {
            "name": name,
            "value": None if one.secret else one.text,
            "got": None if one.secret else got.get(name),
            "secret": one.secret,
            "origin": one.origin,
        }
        for name, one in found.values.items()
    ]
    return {
        "variables": declared,
        "also": _ours(found, got),
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
