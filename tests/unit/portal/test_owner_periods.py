"""Hours and days of a store, also where the clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from portal.owner_periods import Range, WrongRange, cut, day_of, parse_day, parse_range
from sync.records.stats import Period

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def _hours(day: date, zone: ZoneInfo) -> list[Period]:
    return cut(Range(period=day_of(day, zone), by="hour"), zone)


def test_a_day_of_the_store_begins_at_its_own_midnight() -> None:
    day = day_of(date(2026, 11, 23), SHANGHAI)
    assert day.since == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
    assert day.until - day.since == timedelta(hours=24)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 23), 24)]
)
def test_the_day_the_clocks_change_has_an_hour_less_or_more(day: date, hours: int) -> None:
    pieces = _hours(day, BERLIN)
    assert len(pieces) == hours
    assert {piece.until - piece.since for piece in pieces} == {timedelta(hours=1)}
    assert all(left.until == right.since for left, right in pairwise(pieces))


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    names = [piece.since.astimezone(BERLIN).hour for piece in _hours(date(2026, 10, 25), BERLIN)]
    assert names[:5] == [0, 1, 2, 2, 3]


def test_hours_begin_where_the_store_s_clock_shows_them() -> None:
    assert {piece.since.minute for piece in _hours(date(2026, 11, 23), KOLKATA)} == {30}


def test_a_day_that_begins_at_one_begins_where_the_day_before_ends() -> None:
    """In Beirut the clocks go forward at midnight: 2026-03-29 has no 00:00."""
    beirut = ZoneInfo("Asia/Beirut")
    before, changed = day_of(date(2026, 3, 28), beirut), day_of(date(2026, 3, 29), beirut)
    assert before.until == changed.since
    assert changed.until - changed.since == timedelta(hours=23)


def test_without_words_today_is_meant_by_the_hour() -> None:
    today = Range(period=day_of(date(2026, 11, 23), SHANGHAI), by="hour")
    assert (
        parse_range({}, NOW, SHANGHAI)
        == parse_range({"from": "", "to": "", "by": ""}, NOW, SHANGHAI)
        == today
    )


def test_today_is_the_store_s_today() -> None:
    late = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
    assert parse_range({}, late, SHANGHAI).period == day_of(date(2026, 11, 24), SHANGHAI)


def test_a_date_means_the_whole_day() -> None:
    wanted = parse_range({"from": "2026-11-01", "to": "2026-11-03", "by": "day"}, NOW, BERLIN)
    pieces = cut(wanted, BERLIN)
    assert [piece.since.astimezone(BERLIN).date().day for piece in pieces] == [1, 2, 3]


def test_the_end_alone_means_that_day_and_the_beginning_alone_until_today() -> None:
    assert parse_range({"to": "2026-11-20"}, NOW, BERLIN).period == day_of(date(2026, 11, 20), BERLIN)
    since = parse_range({"from": "2026-11-20"}, NOW, BERLIN)
    assert since.period.until - since.period.since == timedelta(days=4)


def test_times_may_start_in_the_middle_of_an_hour() -> None:
    query = {"from": "2026-11-23T10:20:00+08:00", "to": "2026-11-23T11:40:00 08:00"}
    pieces = cut(parse_range(query, NOW, SHANGHAI), SHANGHAI)
    assert [round((piece.until - piece.since) / timedelta(minutes=1)) for piece in pieces] == [40, 40]


@pytest.mark.parametrize(
    "query",
    [
        {"by": "minute"},
        {"from": "yesterday"},
        {"from": "2026-13-01"},
        {"from": "2026-11-23T08:00:00"},
        {"from": "2026-11-24", "to": "2026-11-23"},
        {"from": "2026-11-23T08:00:00Z", "to": "2026-11-23T08:00:00Z"},
        {"from": "2026-10-01", "to": "2026-11-01"},
        {"from": "2024-01-01", "to": "2026-01-01", "by": "day"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"from": "1" * 5000},
    ],
)
def test_a_wrong_range_is_named_with_what_to_write(query: dict[str, str]) -> None:
    with pytest.raises(WrongRange) as wrong:
        parse_range(query, NOW, SHANGHAI)
    assert wrong.value.hint
    assert len(wrong.value.message) < 120


@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN])
def test_a_month_by_the_hour_and_a_leap_year_by_the_day_are_answered(zone: ZoneInfo) -> None:
    month = parse_range({"from": "2026-10-01", "to": "2026-10-31"}, NOW, zone)
    assert len(cut(month, zone)) in (744, 745)
    year = parse_range({"from": "2028-01-01", "to": "2028-12-31", "by": "day"}, NOW, zone)
    assert len(cut(year, zone)) == 366


def test_a_page_of_a_day_that_is_not_yet_is_today_s() -> None:
    today = date(2026, 11, 23)
    assert parse_day("2026-11-24", NOW, SHANGHAI) == today
    assert parse_day("nonsense", NOW, SHANGHAI) == parse_day(None, NOW, SHANGHAI) == today
    assert parse_day("2026-11-22", NOW, SHANGHAI) == date(2026, 11, 22)
