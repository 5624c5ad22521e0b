"""The ledger: what a rollback goes back to, and what may be pruned."""

from dataclasses import replace

import pytest

from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.service.releases import (
    FAILED,
    GOOD,
    Entry,
    Release,
    parse_history,
    parse_release,
    previous,
    prune,
)

LAYOUT = Layout("shop-prod")


def entry(number, result=GOOD, action="deploy"):
    return Entry(number, f"v{number}", f"sha256:{number}", action, result, at=number)


def release(number, image=None):
    name = image or number
    return Release(number, f"v{number}", f"sha256:{name}", f"shop:v{name}", ("A",))


@pytest.mark.parametrize(
    ("entries", "live", "wanted"),
    [
        ([], 0, None),
        ([entry(1)], 1, None),
        ([entry(1), entry(2)], 2, 1),
        ([entry(1), entry(2, FAILED), entry(3)], 3, 1),
        ([entry(1), entry(2), entry(3), entry(2, action="rollback")], 2, 1),
        ([entry(1), entry(2), entry(1, action="rollback"), entry(3)], 3, 1),
        ([entry(1), entry(2)], 3, 2),
        ([entry(1), entry(2), entry(3, FAILED)], 2, 1),
    ],
)
def test_the_previous_good_release(entries, live, wanted):
    found = previous(entries, live)
    assert (found.release if found else None) == wanted


def words(command):
    return command.words[2:] if command else ()


def test_what_ran_first_goes_with_the_last_release_that_named_it():
    releases = {
        number: replace(release(number, "same"), runtime=f"{number % 2}.pyz")
        for number in range(1, 5)
    }
    entries = [entry(number) for number in releases]
    found = words(prune(LAYOUT, releases, entries, live=4, keep=2))
    assert found == ("release:1", "release:2")
    only = {
        number: replace(one, runtime=f"{number}.pyz", certificate="root.crt")
        for number, one in releases.items()
    }
    found = words(prune(LAYOUT, only, entries, live=4, keep=2))
    assert found == ("release:1", "release:2", "runtime:1.pyz", "runtime:2.pyz")


def test_the_last_good_releases_are_kept():
    releases = {number: release(number) for number in range(1, 7)}
    entries = [entry(number) for number in releases]
    assert words(prune(LAYOUT, releases, entries, live=6, keep=3)) == (
        *("release:1", "release:2", "release:3"),
        *("image:shop:v1", "image:sha256:1", "image:shop:v2", "image:sha256:2"),
        *("image:shop:v3", "image:sha256:3"),
    )


def test_failed_releases_push_no_good_one_out():
    releases = {number: release(number) for number in range(1, 8)}
    entries = [entry(1), entry(2), *(entry(number, FAILED) for number in range(3, 8))]
    gone = words(prune(LAYOUT, releases, entries, live=2, keep=2))
    assert "release:1" not in gone
    assert "release:2" not in gone
    assert "release:7" not in gone, "the newest is kept for inspection"
    assert "release:3" in gone


def test_live_and_previous_are_never_pruned():
    releases = {number: release(number) for number in range(1, 9)}
    entries = [*(entry(number) for number in releases), entry(1, action="rollback")]
    gone = words(prune(LAYOUT, releases, entries, live=1, keep=2))
    assert "release:1" not in gone


def test_an_image_that_a_kept_release_uses_stays():
    releases = {1: release(1, "same"), 2: release(2), 3: release(3, "same")}
    entries = [entry(1), entry(2), entry(3)]
    gone = words(prune(LAYOUT, releases, entries, live=3, keep=2))
    assert gone == ("release:1",)


def test_nothing_to_prune_is_no_command():
    assert prune(LAYOUT, {1: release(1)}, [entry(1)], live=1, keep=2) is None


def test_a_journal_that_was_cut_short_is_still_read():
    text = entry(1).line() + "\n" + entry(2).line()[:20]
    assert [one.release for one in parse_history(text)] == [1]


def test_a_release_says_of_itself_what_was_written():
    assert parse_release(release(4).text()) == release(4)
    assert parse_release("nonsense") is None
