"""Options of a command line, parsed by us: Invoke would end in a traceback on a wrong one."""

from __future__ import annotations

from edgepaas_tasks.service.service import Service
from edgepaas_tasks.settings import SettingsError


def number(option: str, text: str, *, least: float = 0, whole: bool = True) -> float:
    """An option's number; Invoke would end in a traceback on a wrong one."""
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = least - 1
    if value < least:
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"--{option} {text!r}: expected {kind} from {least:g}")
    return value


def parse_wait(service: Service, text: str) -> float | None:
    """Seconds to wait for another deploy; None is for a silent one only."""
    return number("wait", text, whole=False) if text else service.settings.lease.wait
