"""Visits, footfall, notices and the outbox."""

from dataclasses import replace
from datetime import timedelta

from sync.model import new_event
from sync.records import Records, footfall, notices, outbox, visits
from sync.records.footfall import FootfallWindow
from sync.records.visits import Visit
from tests.clock import FakeClock


def a_window(clock: FakeClock) -> FootfallWindow:
    return FootfallWindow(
        footfall_id="01FOOT",
        window_start=clock.now(),
        window_seconds=300,
        devices=7,
        low=5,
        high=9,
        inside=3,
        passers_by=4,
        stations=2,
        method="association",
        naive_macs=40,
        frames=300,
        inside_dbm=-65,
        estimator_version="1",
        dwell_histogram={"60": 3, "inf": 4},
    )


async def test_a_replayed_leave_makes_no_second_visit(sensor_records: Records, clock: FakeClock) -> None:
    visit = Visit(
        visit_id="01V",
        session_id=None,
        lead_id=None,
        started_at=clock.now(),
        ended_at=clock.now() + timedelta(minutes=5),
    )
    assert await sensor_records.write(visits.record, visit, 4, clock) is True
    assert await sensor_records.write(visits.record, visit, 4, clock) is False
    queued = await sensor_records.read(outbox.pending, 0, 10)
    assert [entry.event.body["dwell_seconds"] for entry in queued] == [300]
    assert await sensor_records.read(visits.heard_up_to) == 4


async def test_a_clock_set_back_during_a_stay_gives_no_negative_dwell(clock: FakeClock) -> None:
    earlier = clock.now() - timedelta(hours=1)
    visit = Visit(visit_id="01V", session_id=None, lead_id=None, started_at=clock.now(), ended_at=earlier)
    assert visit.dwell_seconds == 0


async def test_a_window_is_rewritten_while_it_lasts_and_told_once(
    sensor_records: Records, clock: FakeClock
) -> None:
    window = a_window(clock)
    await sensor_records.write(footfall.record, window, complete=False, clock=clock)
    grown = replace(window, footfall_id="01AFTERRESTART", devices=8)
    await sensor_records.write(footfall.record, grown, complete=True, clock=clock)
    await sensor_records.write(footfall.record, replace(window, devices=99), complete=True, clock=clock)
    (queued,) = await sensor_records.read(outbox.pending, 0, 10)
    assert queued.event.body["devices"] == 8
    assert queued.event.body["footfall_id"] == "01FOOT"
    assert queued.event.body["dwell_histogram"] == {"60": 3, "inf": 4}


async def test_a_notice_stays_one_until_it_is_mended(sensor_records: Records, clock: FakeClock) -> None:
    await sensor_records.write(notices.raise_notice, "radio_missing", "warning", "wlan1 is gone", clock)
    await sensor_records.write(notices.raise_notice, "radio_missing", "warning", "wlan1 is still gone", clock)
    (notice,) = await sensor_records.read(notices.open_notices)
    assert notice.detail == "wlan1 is still gone"
    assert await sensor_records.read(outbox.count) == 1
    await sensor_records.write(notices.clear, "radio_missing", clock)
    assert await sensor_records.read(notices.open_notices) == []


async def test_the_same_event_is_queued_once(sensor_records: Records, clock: FakeClock) -> None:
    event = new_event("venue.started", {}, clock)
    await sensor_records.write(outbox.append, event)
    await sensor_records.write(outbox.append, event)
    (queued,) = await sensor_records.read(outbox.pending, 0, 10)
    assert queued.event == event
