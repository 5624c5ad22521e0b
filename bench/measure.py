"""Several things measured in turn, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Series:
    """Measurements of one thing, in one unit."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        """The median, and the least and the most where there are several."""
        if len(self.values) == 1:
            return _short(self.median)
        return f"{_short(self.median)} ({_short(min(self.values))}-{_short(max(self.values))})"


def alternate(
    what: Mapping[str, Callable[[], float]], rounds: int, slow: Container[str] = ()
) -> dict[str, Series]:
    """Each in every round, the slow ones in the first two; who goes first changes from round to round."""
    found = {name: Series() for name in what}
    for turn in range(rounds):
        names = [name for name in what if turn < 2 or name not in slow]
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            found[name].values.append(what[name]())
    return found


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown has it."""
    widths = [max(len(row[at]) for row in (columns, *rows)) for at in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        return (
            "| "
            + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            + " |"
        )

    return "\n".join([line(columns), line(["-" * width for width in widths]), *map(line, rows)])


@dataclass(frozen=True)
class Ratio:
    """How one compares with another: of the medians, and of the best runs, which a busy machine disturbs less."""

    median: float
    best: float


def ratio(one: Series, other: Series, *, larger_is_better: bool = False) -> Ratio:
    best = max if larger_is_better else min
    return Ratio(one.median / other.median, best(one.values) / best(other.values))


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
