"""The owner's numbers, from made-up days."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync.model import new_event, new_id
from sync.records import Records, footfall, open_records, outbox, stats, upload_state, visits
from sync.records.footfall import FootfallWindow
from sync.records.leads import Agreement, Registration, register
from sync.records.stats import Estimate, Period
from sync.records.visits import Visit
from tests.clock import FakeClock

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TWO_HOURS = (Period(since=NOON, until=NOON + HOUR), Period(since=NOON + HOUR, until=NOON + 2 * HOUR))


async def _window(
    records: Records, clock: FakeClock, start: datetime, inside: int | None, passers_by: int | None = 0
) -> None:
    devices = None if inside is None or passers_by is None else inside + passers_by
    window = FootfallWindow(
        footfall_id=new_id(),
        window_start=start,
        window_seconds=300,
        devices=devices,
        low=None if devices is None else devices // 2,
        high=None if devices is None else devices * 2,
        inside=inside,
        passers_by=passers_by if inside is not None else None,
        stations=2,
        method="association",
        naive_macs=0,
        frames=0,
        inside_dbm=-65,
        estimator_version="1",
    )
    await records.write(footfall.record, window, complete=True, clock=clock)


async def _stay(records: Records, clock: FakeClock, start: datetime, minutes: float) -> None:
    visit = Visit(
        visit_id=new_id(),
        session_id=None,
        lead_id=None,
        started_at=start,
        ended_at=start + minutes * MINUTE,
    )
    await records.write(visits.record, visit, 1, clock)


async def test_an_empty_store_has_zeros_and_unknowns_not_errors(portal_records: Records) -> None:
    first, second = await portal_records.read(stats.counts, TWO_HOURS)
    assert (first.windows, first.stays, first.leads) == (0, 0, 0)
    assert (first.passers_by, first.visitors) == (None, None)
    assert (first.inside_average, first.median_dwell_seconds) == (None, None)
    assert second.period == TWO_HOURS[1]
    assert await portal_records.read(stats.newest_window) is None
    assert await portal_records.read(stats.leads_in_all) == 0


async def test_no_period_has_no_counts(portal_records: Records) -> None:
    assert await portal_records.read(stats.counts, []) == []


async def test_a_stay_belongs_to_the_hour_in_which_it_began(
    sensor_records: Records, clock: FakeClock
) -> None:
    await _stay(sensor_records, clock, NOON + 59 * MINUTE, 30)
    await _stay(sensor_records, clock, NOON + HOUR, 10)
    first, second = await sensor_records.read(stats.counts, TWO_HOURS)
    assert (first.stays, first.median_dwell_seconds) == (1, 1800)
    assert (second.stays, second.median_dwell_seconds) == (1, 600)


async def test_the_median_of_an_even_number_of_stays_is_between_the_middle_two(
    sensor_records: Records, clock: FakeClock
) -> None:
    for minutes in (1, 10, 20, 500):
        await _stay(sensor_records, clock, NOON, minutes)
    first, _ = await sensor_records.read(stats.counts, TWO_HOURS)
    assert first.median_dwell_seconds == 15 * 60


async def test_a_visitor_who_stays_through_many_counts_is_one_visitor(
    sensor_records: Records, clock: FakeClock
) -> None:
    """Each of 10 arrives in the middle of a window and stays 25 minutes: heard in 6 windows, 60 in all."""
    for number in range(6):
        await _window(sensor_records, clock, NOON + number * 5 * MINUTE, inside=10)
    await _stay(sensor_records, clock, NOON, 25)
    first, _ = await sensor_records.read(stats.counts, TWO_HOURS)
    assert first.visitors is not None
    assert (first.visitors.value, first.visitors.low, first.visitors.high) == pytest.approx((10, 5, 20))
    assert (first.inside_average, first.inside_peak) == (10, 10)


async def test_without_a_single_stay_nobody_says_how_many_visitors(
    sensor_records: Records, clock: FakeClock
) -> None:
    await _window(sensor_records, clock, NOON, inside=10, passers_by=30)
    first, _ = await sensor_records.read(stats.counts, TWO_HOURS)
    assert first.visitors is None
    assert first.passers_by == Estimate(value=30, low=15, high=60)


async def test_a_store_without_a_radio_counts_stations_only(
    sensor_records: Records, clock: FakeClock
) -> None:
    await _window(sensor_records, clock, NOON, inside=None)
    await _stay(sensor_records, clock, NOON, 5)
    first, _ = await sensor_records.read(stats.counts, TWO_HOURS)
    assert (first.windows, first.windows_with_radio, first.stays) == (1, 0, 1)
    assert first.passers_by is first.visitors is None
    newest = await sensor_records.read(stats.newest_window)
    assert newest is not None
    assert (newest.devices, newest.stations) == (None, 2)


async def test_a_window_with_nobody_in_it_divides_by_nothing(
    sensor_records: Records, clock: FakeClock
) -> None:
    await _window(sensor_records, clock, NOON, inside=0)
    await _stay(sensor_records, clock, NOON, 5)
    first, _ = await sensor_records.read(stats.counts, TWO_HOURS)
    assert first.visitors == first.passers_by == Estimate(value=0, low=0, high=0)


async def test_the_newest_window_is_the_live_one(sensor_records: Records, clock: FakeClock) -> None:
    await _window(sensor_records, clock, NOON + HOUR, inside=3, passers_by=7)
    await _window(sensor_records, clock, NOON, inside=1)
    newest = await sensor_records.read(stats.newest_window)
    assert newest is not None
    assert newest.start == NOON + HOUR
    assert newest.devices == Estimate(value=10, low=5, high=20)


async def test_somebody_who_registers_again_is_one_lead(portal_records: Records, clock: FakeClock) -> None:
    clock.wall = NOON
    for minutes in (0, 90):
        clock.wall = NOON + minutes * MINUTE
        await portal_records.write(register, _registration(), clock)
    assert [hour.leads for hour in await portal_records.read(stats.counts, TWO_HOURS)] == [1, 0]
    assert await portal_records.read(stats.leads_in_all) == 1


def _registration() -> Registration:
    terms = Agreement(purpose="access_terms", version="1", language="en", text="Terms")
    return Registration(
        form_id=new_id(),
        ip="10.77.0.5",
        name=None,
        phone="+8613800138000",
        email=None,
        locale="en",
        agreements=[terms],
        session_seconds=60,
    )


async def test_what_waits_for_head_office_is_counted_from_the_oldest(
    portal_records: Records, path: Path, clock: FakeClock
) -> None:
    assert (await portal_records.read(stats.waiting)).oldest_at is None
    started = clock.now()
    await portal_records.write(outbox.append, new_event("venue.started", {}, clock))
    clock.advance(60)
    await portal_records.write(outbox.append, new_event("venue.started", {}, clock))
    waiting = await portal_records.read(stats.waiting)
    assert (waiting.events, waiting.oldest_at, waiting.refused) == (2, started, 0)

    uploader = await open_records(path, "sync")
    refused = await uploader.read(outbox.pending, 0, 1)
    await uploader.write(outbox.set_aside, refused, "malformed", "no", clock.now())
    await uploader.write(upload_state.succeeded, 1, clock.now())
    await uploader.close()
    waiting = await portal_records.read(stats.waiting)
    assert (waiting.events, waiting.refused) == (1, 1)
