"""Bars whose heights tell the numbers."""

from itertools import pairwise

import pytest

from portal.owner_chart import PLOT_PIXELS, TOP_PIXELS, chart, round_up
from portal.owner_numbers import Figure


def test_a_bar_is_as_high_as_its_share_of_the_top() -> None:
    drawn = chart([Figure(value=50), Figure(value=100)], ["00:00", ""])
    heights = [bar.height_pixels for bar in drawn.bars if bar]
    assert (drawn.top, heights) == (100, [PLOT_PIXELS / 2, PLOT_PIXELS])
    assert [bar.top_pixels + bar.height_pixels for bar in drawn.bars if bar] == [TOP_PIXELS + PLOT_PIXELS] * 2


def test_bars_stand_side_by_side_and_end_at_the_right_edge() -> None:
    bars = [bar for bar in chart([Figure(value=9)] * 25, [""] * 25).bars if bar]
    edges = [(bar.left_percent, bar.left_percent + bar.width_percent) for bar in bars]
    assert all(left[1] < right[0] for left, right in pairwise(edges))
    assert edges[-1][1] < 100


def test_a_withheld_number_is_as_high_as_any_other_withheld_number() -> None:
    few = Figure(value=None)
    heights = [bar.height_pixels for bar in chart([few, Figure(value=900), few], ["", "", ""]).bars if bar]
    assert heights[0] == heights[2] > 0


def test_nothing_counted_draws_nothing() -> None:
    drawn = chart([None, None], ["00:00", "01:00"])
    assert drawn.bars == [None, None]
    assert [label.left_percent for label in drawn.labels] == [0, 50]


@pytest.mark.parametrize(("value", "top"), [(0, 10), (7, 10), (11, 20), (43, 50), (100, 100), (1_234, 2_000)])
def test_the_top_line_is_a_round_number(value: int, top: int) -> None:
    assert round_up(value) == top
