"""Programs on this machine."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .errors import CommandFailed, DeadlineExceeded
from .result import Result

HERE = "this machine"


def run(
    *words: str,
    stdin: bytes = b"",
    timeout: float = 60.0,
    ok: tuple[int, ...] = (0,),
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    errors: str = "replace",
) -> Result:
    """Run one program here and return what came back; `errors` as of bytes.decode, for names of files in its output.

    Raises CommandFailed for an exit code outside `ok` (127 where the program is missing) and DeadlineExceeded after
    `timeout` seconds, with the program ended.
    """
    begun = time.monotonic()
    try:
        done = subprocess.run(
            words, input=stdin, capture_output=True, timeout=timeout, env=env, cwd=cwd, check=False
        )
        out, err, code = done.stdout, done.stderr, done.returncode
    except FileNotFoundError:
        out, err, code = b"", f"{words[0]}: not found".encode(), 127
    except subprocess.TimeoutExpired as expired:
        raise DeadlineExceeded(
            HERE,
            f"{words[0]} did not end within {timeout:.0f} s",
            tried=" ".join(words),
            got=_text(expired.stderr or b"")[-2000:],
        ) from None
    result = Result(" ".join(words), _text(out, errors), _text(err), code, time.monotonic() - begun)
    return _checked(words[0], result, ok)


def stream(
    *words: str,
    on_line: Callable[[str], None],
    timeout: float = 600.0,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
) -> Result:
    """Like `run`, but hands over each line of output (both streams, as they come) while the program runs."""
    begun = time.monotonic()
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
        )
    except FileNotFoundError:
        raise CommandFailed(
            HERE, f"{words[0]} is not installed", code=127, tried=" ".join(words)
        ) from None
    assert process.stdout is not None
    # A watchdog rather than a poll: readline() below blocks for as long as the program is silent.
    watchdog = threading.Timer(timeout, process.kill)
    watchdog.start()
    try:
        for raw in process.stdout:
            line = _text(raw).rstrip("\n")
            lines.append(line)
            on_line(line)
        code = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        watchdog.cancel()
    seconds = time.monotonic() - begun
    result = Result(" ".join(words), "\n".join(lines), "", code, seconds)
    if code == -9 and seconds >= timeout:
        raise DeadlineExceeded(
            HERE,
            f"{words[0]} did not end within {timeout:.0f} s",
            tried=result.name,
            got=result.tail(),
        )
    return _checked(words[0], result, (0,), result.stdout)


def _checked(program: str, result: Result, ok: tuple[int, ...], log: str = "") -> Result:
    if result.code not in ok:
        raise CommandFailed(
            HERE,
            f"{program} failed (exit {result.code})",
            code=result.code,
            tried=result.name,
            got=result.tail(),
            log=log,
        )
    return result


def _text(raw: bytes, errors: str = "replace") -> str:
    return raw.decode("utf-8", errors)
