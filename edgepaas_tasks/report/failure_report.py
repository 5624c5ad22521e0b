"""All that was found out about a deploy that failed, as a file that only its owner reads, and without secrets."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from edgepaas_tasks.console import markdown
from edgepaas_tasks.console.progress import Phase
from edgepaas_tasks.console.task import redactor
from edgepaas_tasks.release.findings import Findings
from edgepaas_tasks.release.gates import Evidence
from edgepaas_tasks.report import ci_summary as summary
from edgepaas_tasks.service.service import Service, who


def text(title: str, error: str, found: Findings, phases: Sequence[Phase]) -> str:
    """The report: the error as it was shown, what serves now, then each host's evidence, then the phases."""
    at = time.strftime("%Y-%m-%d %H:%M:%S %z")
    parts = [f"# {title}\n", f"{at}, by {who()}\n", markdown.block(error)]
    parts += ["## What serves now\n", summary.serving(found.serving)]
    for one in found.evidence:
        parts += [f"## {one.host}, slot {one.slot}\n", *_evidence(one)]
    parts += ["## Phases\n", summary.phases_of(phases)]
    return "\n".join(parts)


def write(service: Service, release: int, content: str) -> Path:
    """Into the folder of the settings, which git does not see; 0600 from its first byte."""
    return _write(service, str(release or "none"), ".md", content)


def write_log(service: Service, content: str) -> Path:
    """All that a build said, beside the reports."""
    return _write(service, "build", ".log", content + "\n")


def _write(service: Service, name: str, suffix: str, content: str) -> Path:
    folder = Path(service.settings.report.folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")
    moment = time.strftime("%Y%m%d-%H%M%S")
    stem = f"{service.settings.service}-{name}-{moment}"
    path = folder / f"{stem}{suffix}"
    for number in range(2, 100):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            break
        except FileExistsError:  # two in one second
            path = path.with_stem(f"{stem}-{number}")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(redactor()(content))
    return path


def _evidence(one: Evidence) -> list[str]:
    found = one.found
    parts = [f"likely cause: {found.cause}\n", *(f"- {line}" for line in found.facts())]
    parts += [f"- disk: {line.rpartition(' ')[0]}: {_free(line)}" for line in found.disk]
    parts += [f"- mount: {line}" for line in found.mounts]
    parts.append("")
    for name, lines in (
        ("The last answers before it was given up", one.waited),
        ("Its log", found.logs),
        ("nginx's last errors", found.nginx),
    ):
        parts += [f"{name}:\n", markdown.block("\n".join(lines) or "(nothing)")]
    return parts


def _free(line: str) -> str:
    kilobytes = line.rpartition(" ")[2]
    return f"{int(kilobytes) / 2**20:.1f} GiB free" if kilobytes.isdigit() else kilobytes
