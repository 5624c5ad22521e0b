"""The one place where errors become messages and exit codes, and where text is redacted before people see it.

Exit codes: 0 done; 1 refused or failed; 2 wrong settings or option values; 130 interrupted.
"""

from __future__ import annotations

import functools
import json as jsons
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import invoke
from invoke import Exit, Task

from edgepaas_tasks.console import ci, places
from edgepaas_tasks.console.output import put
from edgepaas_tasks.console.signals import signals_raise

if TYPE_CHECKING:
    from edgepaas_tasks.env.values.redaction import Redactor


@functools.cache
def redactor() -> Redactor:
    """Knows every secret that this process has met."""
    from edgepaas_tasks.env.values.redaction import Redactor

    return Redactor()


def conceal(secret: str) -> None:
    """Hide this secret from now on, in every form in which it travels. In GitHub Actions, also from other steps.

    GitHub masks the secrets that it was given, but not what is made of them: a URL-quoted or base64 form, the password
    inside a URL. https://docs.github.com/actions/reference/workflow-commands-for-github-actions (add-mask)
    """
    from edgepaas_tasks.env.values.redaction import SHORTEST, forms

    redactor().add(secret)
    if not ci.detect().github or secret in _masked:
        return
    _masked.add(secret)
    for form in sorted(forms(secret)):
        # A command is one line; masking a word of a few letters would black out the log.
        for line in form.splitlines():
            if len(line.strip()) >= SHORTEST:
                escaped = line.replace("%", "%25").replace("\r", "%0D")
                put(f"::add-mask::{escaped}", sys.stderr)


_masked: set[str] = set()


def say(text: str) -> None:
    """Print an answer."""
    put(ci.harmless(redactor()(text)))


def answer(
    text: Callable[..., str], document: Callable[..., Any], *result: Any, json: bool
) -> None:
    """Print a task's result: as text for people, or with --json as one JSON document."""
    if json:
        say(jsons.dumps(document(*result), indent=2))
    else:
        say(text(*result))


def task(
    *, help: dict[str, str] | None = None, iterable: Iterable[str] = (), **options: Any
) -> Callable[[Callable[..., None]], Task[Any]]:
    """Invoke's `task`, with errors that end politely. Long flags only: short ones move when an option is added."""

    def decorate(body: Callable[..., None]) -> Task[Any]:
        @functools.wraps(body)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                with signals_raise(), places.in_project(args[0] if args else None):
                    body(*args, **kwargs)
            except Exit:
                raise
            except KeyboardInterrupt:
                raise Exit(
                    "interrupted; what was begun on a host is safe to run again", 130
                ) from None
            except Exception as error:
                texts = (_message(error), getattr(error, "next_step", ""))
                message, next_step = (ci.harmless(redactor()(text)) for text in texts)
                _annotate(body.__name__, message, next_step)
                raise Exit(message, _code(error)) from None

        made: Task[Any] = cast(Any, invoke.task)(
            guarded, help=help or {}, iterable=list(iterable), auto_shortflags=False, **options
        )
        return made

    return decorate


def _annotate(name: str, message: str, next_step: str) -> None:
    """Show what went wrong and what to do next on the page of a CI's run; the whole of it is in the log."""
    lines = message.splitlines()[:1]
    if next_step:
        lines.append(f"next:  {next_step}")
    shown = ci.annotation("error", "\n".join(lines), f"{name} failed")
    if shown:
        put(shown, sys.stderr)


def _code(error: Exception) -> int:
    from edgepaas_tasks.errors import SettingsError

    return 2 if isinstance(error, SettingsError) else 1


def _message(error: Exception) -> str:
    from edgepaas_tasks.errors import Error
    from edgepaas_tasks.remote.errors import HostErrors, RemoteError

    if isinstance(error, Error | RemoteError | HostErrors):
        return str(error)
    trace = "".join(traceback.format_exception(error))
    put(redactor()(trace), sys.stderr)
    return f"internal error ({type(error).__name__}); please report it"
