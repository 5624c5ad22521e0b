"""The closing lines of a deploy and of a rollback."""

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.release.deploy import Outcome
from edgepaas_tasks.remote.service.releases import Release
from edgepaas_tasks.remote.service.slots import Live
from edgepaas_tasks.report import releases as report
from edgepaas_tasks.service.service import describe


@pytest.mark.parametrize(
    ("action", "before", "back"),
    [
        ("deploy", Live("green", 6), "; to go back: inv rollback --env test"),
        ("rollback", Live("green", 9), "; to go back: inv rollback --to 9 --env test"),
        ("deploy", Live("", 0), ""),
    ],
)
def test_the_way_back_leads_to_what_was_live(action, before, back):
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    found = Outcome(
        release=Release(7, "v7", "sha256:1", "shop:v7", ()),
        action=action,
        slots={"192.0.2.1": "blue"},
        before={"192.0.2.1": before},
        phases=(("look", 1.0),),
        seconds=1.0,
        sent=0,
        execs={"192.0.2.1": 5},
    )
    lines = report.outcome(describe(settings.load(tree, "test")), found).splitlines()
    assert lines[-1] == f"  next: inv status --env test{back}"
