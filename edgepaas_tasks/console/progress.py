"""What a person sees while something long runs: phases and steps with times, on stderr.

On a terminal it is one live table; elsewhere (CI, a pipe) one line a phase, and a sign of life in long silences. In
GitHub Actions what the steps say is there too, folded away: a group a phase.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgepaas_tasks.console import ci
from edgepaas_tasks.console.output import put
from edgepaas_tasks.console.task import redactor

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

SILENCE = 15.0  # seconds without a line after which a plain log says that it is still alive


@dataclass
class Phase:
    """One named part of the work; `outcome` is a few words on what it came to, seconds its wall time."""

    name: str
    begun: float
    seconds: float | None = None
    outcome: str = ""
    failed: bool = False
    steps: dict[str, str] = field(default_factory=dict)  # the last line of each host


class Chain:
    """The present one of several phases; `outcome` is that of the last."""

    def __init__(self, progress: Progress, names: Sequence[str]) -> None:
        self._progress = progress
        first, *self._rest = names
        self.phase = progress.begin(first)
        self.outcome = ""

    def next(self, outcome: str) -> None:
        """The present phase came to this; on to the next one. From any thread."""
        self.phase.outcome = outcome
        self._progress.end(self.phase)
        self.phase = self._progress.begin(self._rest.pop(0))


class Progress:
    """Collects phases and shows them; `entered`, if set, hears the name of each as it begins."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.phases: list[Phase] = []
        self.entered: Callable[[str], None] | None = None
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._spoke = time.monotonic()
        self._closed = threading.Event()
        self._grouped = ""

    def __enter__(self) -> Progress:
        if ci.lively(sys.stderr):
            from rich.console import Console
            from rich.live import Live

            console: Console = Console(stderr=True)
            self._live = Live(
                console=console, refresh_per_second=8, get_renderable=self._render, transient=False
            )
            self._live.start()
        else:
            self._print(self.title)
            threading.Thread(target=self._breathe, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        if self._live is not None:
            self._live.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Times what happens inside; an exception marks the phase as failed and goes on its way."""
        phase = self.begin(name)
        try:
            yield phase
        except BaseException:
            phase.failed = True
            raise
        finally:
            self.end(phase)

    @contextmanager
    def chain(self, *names: str) -> Iterator[Chain]:
        """Phases of one piece of work, which goes on by itself; a failure is the present one's."""
        chain = Chain(self, names)
        try:
            yield chain
        except BaseException:
            chain.phase.failed = True
            raise
        finally:
            chain.phase.outcome = chain.outcome
            self.end(chain.phase)

    def begin(self, name: str) -> Phase:
        phase = Phase(name, time.monotonic())
        with self._lock:
            self.phases.append(phase)
        self._grouped = ci.group(name) if self._live is None else ""
        if self._grouped:
            self._command(self._grouped)
        if self.entered is not None:
            self.entered(name)
        return phase

    def end(self, phase: Phase) -> None:
        phase.seconds = time.monotonic() - phase.begun
        if self._grouped:
            self._command(ci.end_group())
        if self._live is None:
            mark = "failed" if phase.failed else phase.outcome
            self._print(f"  {phase.name:<9}{phase.seconds:6.1f} s  {mark}")

    def step(self, who: str, line: str) -> None:
        """A line from a host, or from a program on this machine."""
        with self._lock:
            if not self.phases:
                return
            phase = self.phases[-1]
            before, phase.steps[who] = phase.steps.get(who, ""), line
        if self._live is None and ci.detect().github and _differs(before, line):
            self._print(f"  [{who}] {line}")

    def note(self, line: str) -> None:
        """A warning, that stays."""
        self.say(f"  warning: {line}")
        if self._live is None and (shown := ci.annotation("warning", redactor()(line), self.title)):
            self._command(shown)

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._live is not None:
            self._live.console.print(ci.harmless(redactor()(line)), markup=False)
        else:
            self._print(line)

    def _print(self, line: str) -> None:
        self._spoke = time.monotonic()
        put(ci.harmless(redactor()(line)).rstrip(), sys.stderr)

    def _command(self, line: str) -> None:
        put(line, sys.stderr)

    def _breathe(self) -> None:
        while not self._closed.wait(1):
            with self._lock:
                phase = self.phases[-1] if self.phases else None
                steps = list(phase.steps.items()) if phase else []
            if phase and phase.seconds is None and time.monotonic() - self._spoke > SILENCE:
                detail = "; ".join(f"{who}: {line}" for who, line in steps)[:200]
                passed = time.monotonic() - phase.begun
                self._print(f"  {phase.name} goes on ({passed:.0f} s)  {detail}")

    def _render(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        table.add_row("", Text(self.title, style="bold"), "", "")
        with self._lock:
            for phase in self.phases:
                running = phase.seconds is None
                passed = time.monotonic() - phase.begun if running else phase.seconds or 0.0
                mark = (
                    Spinner("dots", style="cyan")
                    if running
                    else Text("x", style="red")
                    if phase.failed
                    else Text("✓", style="green")
                )
                table.add_row(mark, phase.name, f"{passed:5.1f} s", self._text(phase.outcome))
                if running:
                    for who, line in phase.steps.items():
                        table.add_row("", "", "", self._text(f"[{who}] {line}"[:110], "dim"))
        return table

    @staticmethod
    def _text(text: str, style: str = "") -> Text:
        from rich.text import Text

        return Text(ci.harmless(redactor()(text)), style=style)


def _differs(before: str, line: str) -> bool:
    """Whether a line says something new: not only another number, as those that count bytes and seconds do."""
    return re.sub(r"[\d.]+", "", before) != re.sub(r"[\d.]+", "", line)
