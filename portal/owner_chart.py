"""A day's hours as bars (pure). Across in percent, up in pixels: the picture widens, its letters do not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from portal.owner_numbers import Figure

PLOT_PIXELS: Final = 120
TOP_PIXELS: Final = 18
HOURS_PIXELS: Final = 26
_STUB_PIXELS: Final = 4.0
_GAP_SHARE: Final = 0.26


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One hour. A withheld number is a stub that tells nothing but that something was counted."""

    left_percent: float
    width_percent: float
    top_pixels: float
    height_pixels: float
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The name of an hour, at its left edge."""

    left_percent: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`top` is the number at the upper line; the lower line is zero; the hours stand below it."""

    bars: Sequence[Bar | None]
    labels: Sequence[Label]
    top: int
    upper_pixels: int = TOP_PIXELS
    middle_pixels: int = TOP_PIXELS + PLOT_PIXELS // 2
    lower_pixels: int = TOP_PIXELS + PLOT_PIXELS
    height_pixels: int = TOP_PIXELS + PLOT_PIXELS + HOURS_PIXELS


def chart(figures: Sequence[Figure | None], names: Sequence[str]) -> Chart:
    """One bar a figure, from left to right; none where nothing was counted. Empty names are left out."""
    top = round_up(max((figure.value or 0 for figure in figures if figure is not None), default=0))
    bars = [
        None if figure is None else _bar(figure, column, len(figures), top)
        for column, figure in enumerate(figures)
    ]
    labels = [
        Label(left_percent=round(column * 100 / len(names), 2), text=name)
        for column, name in enumerate(names)
        if name
    ]
    return Chart(bars=bars, labels=labels, top=top)


def _bar(figure: Figure, column: int, columns: int, top: int) -> Bar:
    step = 100 / columns
    height = _STUB_PIXELS if figure.value is None else figure.value / top * PLOT_PIXELS
    return Bar(
        left_percent=round((column + _GAP_SHARE / 2) * step, 2),
        width_percent=round((1 - _GAP_SHARE) * step, 2),
        top_pixels=round(TOP_PIXELS + PLOT_PIXELS - height, 1),
        height_pixels=round(height, 1),
        figure=figure,
    )


def round_up(value: int) -> int:
    """The next round number a person would draw a line at: 10, 20, 50, 100, …"""
    if value <= 10:
        return 10
    power = int(10 ** math.floor(math.log10(value)))
    return next(power * step for step in (1, 2, 3, 4, 5, 6, 8, 10) if power * step >= value)
