"""The settings of [limits], as the gate reckons with them."""

from datetime import UTC, datetime, timedelta
from math import inf

from netctl.gate.day_use import DayUse, after_session, on_day, session_on_day, used
from netctl.gate.limits import GuestLimits
from sync.config import Config
from tests.unit.netctl.gate.test_sessions import ANNA, session

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def limits(zone: str = "Asia/Shanghai", **settings: int | str) -> GuestLimits:
    return GuestLimits.of(Config.parse({"venue": {"timezone": zone}, "limits": settings}))


def test_zero_is_no_limit() -> None:
    none = limits(idle_minutes=0, day_megabytes=0, pass_megabytes=0)
    assert (none.idle_seconds, none.day_bytes, none.pass_bytes) == (inf, None, None)


def test_a_day_is_the_stores_own() -> None:
    assert limits().day(datetime(2026, 11, 23, 15, 59, tzinfo=UTC), synced=True) == "2026-11-23"
    assert limits().day(datetime(2026, 11, 23, 16, 0, tzinfo=UTC), synced=True) == "2026-11-24"
    assert limits("Europe/Berlin").day(datetime(2026, 11, 23, 16, 0, tzinfo=UTC), synced=True) == "2026-11-23"


def test_on_a_clock_that_is_not_right_nobody_knows_the_day_and_nothing_is_closed() -> None:
    hours = limits(opening_hours="Mo-Su 09:00-10:00")
    assert hours.seconds_open(NOW, synced=True) == 0
    assert hours.seconds_open(NOW, synced=False) == inf
    assert hours.opens_at(NOW, synced=False) is None
    assert hours.day(NOW, synced=False) == ""


def test_closing_time_is_reckoned_through_the_night_the_clocks_change() -> None:
    # In Berlin 2026-10-25 has 25 hours: from 01:00 (CEST) to 04:00 (CET) are four.
    night = limits("Europe/Berlin", opening_hours="Sa 20:00-04:00")
    at_one = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    assert night.seconds_open(at_one, synced=True) == timedelta(hours=4).total_seconds()


def test_always_open_never_closes() -> None:
    assert limits().seconds_open(NOW, synced=True) == inf
    assert limits(opening_hours="Mo-Su 00:00-24:00").seconds_open(NOW, synced=True) == inf


def test_a_new_day_begins_with_nothing_used_and_an_unknown_one_goes_on() -> None:
    monday = DayUse(mac=ANNA, day="2026-11-23", bytes=5, passes=1)
    assert on_day(monday, "2026-11-24") == DayUse(mac=ANNA, day="2026-11-24")
    assert on_day(monday, "") == monday
    assert on_day(DayUse(mac=ANNA, day="", bytes=5, passes=1), "2026-11-23") == monday


def test_a_session_counts_for_the_day_it_is_on() -> None:
    from dataclasses import replace

    live = replace(session(), day="2026-11-23", bytes_up=3, bytes_down=4)
    tuesday = session_on_day(live, "2026-11-24")
    later = replace(tuesday, bytes_down=10)
    use = DayUse(mac=ANNA, day="2026-11-24", bytes=100)
    assert used(use, later) == 106
    assert after_session(use, later).bytes == 106
    assert session_on_day(later, "") == later
