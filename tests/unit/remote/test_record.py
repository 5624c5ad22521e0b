"""Records that a host keeps: a record with a value of a wrong type is not read."""

from dataclasses import dataclass

import pytest

from edgepaas_tasks.remote import record
from edgepaas_tasks.remote.service import databases, lease, releases


@dataclass(frozen=True)
class Thing:
    name: str
    number: int = 0
    seconds: float = 0.0
    names: tuple[str, ...] = ()


GOOD = {
    "all": (
        '{"name": "a", "number": 1, "seconds": 1.5, "names": ["b"]}',
        Thing("a", 1, 1.5, ("b",)),
    ),
    "what it lacks": ('{"name": "a"}', Thing("a")),
    "a whole number for seconds": ('{"name": "a", "seconds": 2}', Thing("a", 0, 2.0)),
    "a field of a newer version": ('{"name": "a", "later": {}}', Thing("a")),
}
BAD = {
    "nothing": "",
    "cut short": '{"name": "a", "num',
    "a list": "[]",
    "a number": "7",
    "no name": '{"number": 1}',
    "a number for a text": '{"name": 7}',
    "null for a text": '{"name": null}',
    "a text for a number": '{"name": "a", "number": "1"}',
    "true for a number": '{"name": "a", "number": true}',
    "a float for a number": '{"name": "a", "number": 1.0}',
    "no number": '{"name": "a", "seconds": NaN}',
    "no end": '{"name": "a", "seconds": Infinity}',
    "a number without end": '{"name": "a", "number": 1%s}' % ("0" * 30),
    "digits without end": '{"name": "a", "number": 1%s}' % ("0" * 5000),
    "a text without end": '{"name": "%s"}' % ("a" * 20000),
    "a text for a list": '{"name": "a", "names": "bc"}',
    "a number in a list": '{"name": "a", "names": ["b", 1]}',
    "deep": '{"name": ' + "[" * 5000 + "]" * 5000 + "}",
}  # fmt: skip


@pytest.mark.parametrize(("text", "found"), GOOD.values(), ids=GOOD)
def test_a_record_is_read(text, found):
    assert record.parse(Thing, text) == found


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_record_of_ours_is_none(text):
    assert record.parse(Thing, text) is None


def test_a_journal_keeps_its_other_lines():
    good = releases.Entry(5, "v5", "sha256:1", "deploy", "good", 100)
    lines = [
        good.line(),
        '{"release": "6"}',
        good.line().replace("100", '"soon"'),
        "\x1b[2J",
        good.line(),
    ]
    assert releases.parse_history("\n".join(lines)) == (good, good)
    assert len(releases.parse_history("\n".join([good.line()] * 2000))) == releases.SHOWN


@pytest.mark.parametrize("file", ["../../etc/passwd", "a/b", ".", "-rf", ""])
def test_a_release_whose_files_lead_elsewhere_is_none(file):
    release = releases.Release(5, "v5", "sha256:1", "shop:v5", ("A",), runtime="runtime-1.pyz")
    assert releases.parse_release(release.text()) == release
    text = release.text().replace("runtime-1.pyz", file)
    assert (releases.parse_release(text) is None) == bool(file)


def test_who_has_a_lease_and_which_database_is_used_are_records_too():
    assert lease.parse_holder('{"who": "a", "machine": "m", "pid": "1; rm"}') is None
    assert lease.parse_holder('{"who": "a", "machine": "m", "pid": 1}') == lease.Holder("a", "m", 1)
    text = '5 {"mode": "sqlite_only", "since": 1, "reason": "x"}\n6 {"mode": "other"}\n7 {"since": "x"}\nx {}\n8 '
    assert databases.parse(text) == {5: databases.Database("sqlite_only", 1, "x")}
