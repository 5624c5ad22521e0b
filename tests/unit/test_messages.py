"""What messages tell people to run next exists."""

import re
from pathlib import Path

from edgepaas_tasks import ns

ROOT = Path(__file__).parents[2]


def test_every_command_that_a_message_names_exists():
    named = set()
    for package in ("edgepaas_tasks", "remote", "env"):
        for path in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r"\binv ([a-z]+(?:\.[a-z]+)?)\b", path.read_text()))
    assert {"deploy", "setup", "lab.up"} <= named
    assert not named - set(ns.task_names)
