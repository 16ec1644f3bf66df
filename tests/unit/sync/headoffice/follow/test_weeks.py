"""Weeks of the board."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sync.headoffice.follow.weeks import read_week, start_of_week, week_name

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_week_begins_on_monday_where_the_board_is_read() -> None:
    sunday_evening_in_london = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
    assert week_name(sunday_evening_in_london, ZoneInfo("Europe/London")) == "2026-W47"
    assert week_name(sunday_evening_in_london, SHANGHAI) == "2026-W48"
    assert start_of_week(sunday_evening_in_london, SHANGHAI) == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def test_the_first_days_of_a_year_may_belong_to_the_last_week_of_the_one_before() -> None:
    assert week_name(datetime(2027, 1, 1, 12, tzinfo=UTC), SHANGHAI) == "2026-W53"


def test_a_week_is_found_by_its_name() -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    assert read_week(week_name(at, SHANGHAI), SHANGHAI) == start_of_week(at, SHANGHAI)
    for wrong in ("2026-W54", "2026", "W47", "2026-Wx"):
        with pytest.raises(ValueError):  # noqa: PT011 - any will do
            read_week(wrong, SHANGHAI)
