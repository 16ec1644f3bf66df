"""Counts -> what may be shown: whole numbers, with small counts of devices in the air left out (pure).

Sums are formed first, then small ones are withheld: an hour with three visitors is hidden, and still part of
the day. Zero is withheld like four: "nobody inside at nine" says something about a single shop assistant.
"""

from dataclasses import dataclass

from sync.records.stats import Counts, Estimate, Period, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Estimated devices, with their interval; without a value when there are too few to be shown."""

    value: int | None
    low: int | None = None
    high: int | None = None

    @property
    def suppressed(self) -> bool:
        return self.value is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The numbers of one period as they are shown; None: not counted."""

    period: Period
    passers_by: Figure | None
    visitors: Figure | None
    capture_rate: float | None
    inside_average: Figure | None
    inside_peak: Figure | None
    stays: int
    median_dwell_minutes: float | None
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The newest window as it is shown."""

    window: Window
    inside: Figure | None
    passers_by: Figure | None


def row_of(counts: Counts, suppress_below: int) -> Row:
    passers_by = figure(counts.passers_by, suppress_below)
    visitors = figure(counts.visitors, suppress_below)
    dwell = counts.median_dwell_seconds
    return Row(
        period=counts.period,
        passers_by=passers_by,
        visitors=visitors,
        capture_rate=_capture_rate(passers_by, visitors),
        inside_average=_plain(counts.inside_average, suppress_below),
        inside_peak=_plain(counts.inside_peak, suppress_below),
        stays=counts.stays,
        median_dwell_minutes=None if dwell is None else round(dwell / 60, 1),
        leads=counts.leads,
    )


def live_of(window: Window, suppress_below: int) -> Live:
    return Live(
        window=window,
        inside=figure(_part(window, window.inside), suppress_below),
        passers_by=figure(_part(window, window.passers_by), suppress_below),
    )


def figure(estimate: Estimate | None, suppress_below: int) -> Figure | None:
    """The interval is hidden with its value, from which it could be told."""
    if estimate is None:
        return None
    value = round(estimate.value)
    if value < suppress_below:
        return Figure(value=None)
    return Figure(value=value, low=min(value, round(estimate.low)), high=max(value, round(estimate.high)))


def _plain(value: float | None, suppress_below: int) -> Figure | None:
    if value is None:
        return None
    return Figure(value=round(value) if round(value) >= suppress_below else None)


def _part(window: Window, devices: int | None) -> Estimate | None:
    """A part of a window's devices takes its share of the interval."""
    if window.devices is None or devices is None:
        return None
    share = devices / window.devices.value if window.devices.value else 0.0
    return Estimate(value=devices, low=window.devices.low * share, high=window.devices.high * share)


def _capture_rate(passers_by: Figure | None, visitors: Figure | None) -> float | None:
    """Visitors / (visitors + passers-by), of shown numbers only: a hidden one could be told from the rate."""
    if passers_by is None or visitors is None or passers_by.value is None or visitors.value is None:
        return None
    return visitors.value / (visitors.value + passers_by.value)
