"""The bench's own arithmetic: what is compared with what, and what counts as met."""

from pathlib import Path

import pytest

from bench.measure import Ratio, Series, alternate, ratio, table
from bench.result import BEGIN, END, Result, Target

ROOT = Path(__file__).parents[2]


def test_everything_has_its_turn_in_every_round_and_nobody_is_always_first():
    order = []
    what = {name: lambda name=name: float(order.append(name) or len(order)) for name in "abc"}
    found = alternate(what, 3)
    assert order == [*"abc", *"bca", *"cab"]
    assert found["a"].values == [1, 6, 8]


def test_a_slow_one_takes_part_in_the_first_two_rounds():
    found = alternate({"quick": lambda: 1.0, "slow": lambda: 2.0}, 5, slow=("slow",))
    assert (len(found["quick"].values), len(found["slow"].values)) == (5, 2)


def test_a_median_is_shown_with_its_spread():
    assert str(Series([3.0, 1.0, 200.0])) == "3.00 (1.00-200)"
    assert str(Series([12.34])) == "12.3"
    assert ratio(Series([1.0, 2.0, 3.0]), Series([4.0])) == Ratio(0.5, 0.25)
    assert ratio(Series([1.0, 3.0, 2.0]), Series([4.0]), larger_is_better=True) == Ratio(0.5, 0.75)


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(1.3, False, True), (1.31, False, False), (1.2, True, False)]
)
def test_a_target_is_a_bound(value, at_least, met):
    target = Target("x", value, 1.3, at_least=at_least)
    assert target.met is met
    assert target.row()[-1] == ("met" if met else "MISSED")


def test_a_table_is_markdown():
    assert table(["a", "b"], [["1", "long"]]) == "| a | b    |\n| - | ---- |\n| 1 | long |"


def test_figures_replace_the_ones_before_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    result = Result()
    result.say("new")
    result.target(Target("speed", 1.0, 2.0))
    for _ in range(2):
        result.write(page)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert text.count("| speed") == 1


def test_the_page_has_the_marks_once():
    text = (ROOT / "docs" / "performance.md").read_text()
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
