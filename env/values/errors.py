"""What can be wrong with an environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake: which variable, where its value came from, what was expected. Never a secret's value."""

    name: str
    origin: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.name} ({self.origin}): {self.message}"
            if self.origin
            else f"{self.name}: {self.message}"
        )


class EnvError(Exception):
    """All problems of an environment at once, a line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
