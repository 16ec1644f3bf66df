"""What the owner may see of the counts."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.owner_numbers import Figure, figure, live_of, row_of
from sync.records.stats import Counts, Estimate, Period, Window

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def _counts(passers_by: float | None, visitors: float | None, inside_peak: int = 9) -> Counts:
    return Counts(
        period=Period(since=NOON, until=NOON + timedelta(hours=1)),
        windows=12,
        windows_with_radio=12,
        passers_by=None
        if passers_by is None
        else Estimate(value=passers_by, low=passers_by, high=passers_by),
        visitors=None if visitors is None else Estimate(value=visitors, low=visitors / 2, high=visitors * 2),
        inside_average=4.4,
        inside_peak=inside_peak,
        stays=3,
        median_dwell_seconds=725.0,
        leads=1,
    )


@pytest.mark.parametrize("value", [0, 1, 4, 4.4])
def test_fewer_than_five_devices_are_not_told(value: float) -> None:
    assert figure(Estimate(value=value, low=0, high=9), 5) == Figure(value=None)


def test_five_devices_are_told_with_their_interval() -> None:
    assert figure(Estimate(value=5.2, low=3.6, high=7.4), 5) == Figure(value=5, low=4, high=7)


def test_the_store_chooses_what_is_too_few() -> None:
    assert figure(Estimate(value=8, low=8, high=8), 10) == Figure(value=None)


def test_the_interval_holds_its_value() -> None:
    assert figure(Estimate(value=9, low=9.6, high=8.4), 5) == Figure(value=9, low=9, high=9)


def test_the_capture_rate_is_visitors_of_all_who_came_by() -> None:
    assert row_of(_counts(90, 10), 5).capture_rate == pytest.approx(0.1)


def test_a_hidden_number_cannot_be_told_from_the_capture_rate() -> None:
    row = row_of(_counts(90, 4), 5)
    assert row.visitors == Figure(value=None)
    assert row.capture_rate is None


def test_average_and_peak_hide_small_numbers_too() -> None:
    row = row_of(_counts(90, 10), 5)
    assert (row.inside_average, row.inside_peak) == (Figure(value=None), Figure(value=9))


def test_not_counted_is_not_zero() -> None:
    row = row_of(_counts(None, None), 5)
    assert (row.passers_by, row.visitors, row.capture_rate) == (None, None, None)
    assert (row.stays, row.leads, row.median_dwell_minutes) == (3, 1, 12.1)


def test_the_live_window_shares_its_interval_between_inside_and_outside() -> None:
    window = Window(
        start=NOON,
        seconds=300,
        devices=Estimate(value=40, low=30, high=60),
        inside=10,
        passers_by=30,
        stations=4,
    )
    live = live_of(window, 5)
    assert live.inside == Figure(value=10, low=8, high=15)
    assert live.passers_by == Figure(value=30, low=22, high=45)
