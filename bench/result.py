"""What a run of the bench found: tables, targets met and missed, printed as they come and written at the end."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import Ratio, table

BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"


@dataclass(frozen=True)
class Target:
    """A figure and what it should be: at most `wanted`, or `at_least`. A ratio is judged by its medians."""

    name: str
    found: float | Ratio
    wanted: float
    at_least: bool = False

    @property
    def value(self) -> float:
        return self.found.median if isinstance(self.found, Ratio) else self.found

    @property
    def met(self) -> bool:
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted

    def row(self) -> list[str]:
        sign = "at least" if self.at_least else "at most"
        best = f"{self.found.best:.2f}" if isinstance(self.found, Ratio) else ""
        return [
            self.name,
            f"{self.value:.2f}",
            best,
            f"{sign} {self.wanted:g}",
            "met" if self.met else "MISSED",
        ]


@dataclass
class Result:
    begun: float = field(default_factory=time.time)
    parts: list[str] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def say(self, line: str) -> None:
        print(line, flush=True)
        self.parts.append(line)

    def table(self, title: str, text: str) -> None:
        self.say(f"\n### {title}\n\n{text}\n")

    def target(self, one: Target) -> None:
        self.targets.append(one)
        print("  " + ", ".join(filter(None, one.row())), flush=True)

    def text(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(self.begun))
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        head = (
            f"{when} UTC, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
            f"Python {platform.python_version()}, load averages at the end {load}."
        )
        targets = table(
            ["target", "found", "of the best runs", "wanted", ""],
            [one.row() for one in self.targets],
        )
        return "\n".join([head, *self.parts, "### Targets\n", targets, ""])

    def write(self, path: Path) -> None:
        """Into the document, between its marks; the rest of it is written by people."""
        document = path.read_text(encoding="utf-8")
        before, rest = document.split(BEGIN)
        _, after = rest.split(END)
        path.write_text(f"{before}{BEGIN}\n{self.text()}{END}{after}", encoding="utf-8")
