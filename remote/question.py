"""What is read of a host: the commands that ask, together with the parser that understands their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .command import Command
from .result import Result

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """Commands that change nothing, and what makes an answer of their results; `Host.ask` takes several at once."""

    commands: tuple[Command, ...]
    parse: Callable[[Sequence[Result]], Answer]


def question(command: Command, parse: Callable[[str], Answer]) -> Question[Answer]:
    """One command, whose output `parse` understands. An exit code that the command allows gives no output."""

    def answer(results: Sequence[Result]) -> Answer:
        (result,) = results
        return parse(result.stdout if result.code == 0 else "")

    return Question((command,), answer)


def together(questions: Iterable[Question[Answer]]) -> Question[tuple[Answer, ...]]:
    """Any number of questions of one kind as one."""
    asked = tuple(questions)

    def answer(results: Sequence[Result]) -> tuple[Answer, ...]:
        left, answers = list(results), []
        for each in asked:
            taken, left = left[: len(each.commands)], left[len(each.commands) :]
            answers.append(each.parse(taken))
        return tuple(answers)

    return Question(tuple(command for each in asked for command in each.commands), answer)
