"""When the store admits guests."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from sync.opening_hours import WrongHours, closes_at, is_open, opens_at, parse_opening_hours

TAIPEI = ZoneInfo("Asia/Taipei")
SHOP = parse_opening_hours("Mo-Fr 09:00-12:00,13:00-21:00; Sa 18:00-02:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TAIPEI)


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-11-23 08:59", False),  # a Monday
        ("2026-11-23 09:00", True),
        ("2026-11-23 12:00", False),
        ("2026-11-23 20:59:59", True),
        ("2026-11-28 23:00", True),
        ("2026-11-29 01:59", True),  # Saturday's night
        ("2026-11-29 02:00", False),
        ("2026-11-29 18:00", False),
    ],
)
def test_guests_are_admitted_in_the_written_hours_only(moment: str, open_: bool) -> None:
    assert is_open(SHOP, at(moment)) is open_


def test_a_shop_that_wrote_nothing_is_always_open() -> None:
    assert is_open((), at("2026-11-23 03:00"))
    assert closes_at((), at("2026-11-23 03:00")) is None


def test_it_closes_when_the_span_ends_and_opens_with_the_next() -> None:
    assert closes_at(SHOP, at("2026-11-28 23:00")) == at("2026-11-29 02:00")
    assert opens_at(SHOP, at("2026-11-29 03:00")) == at("2026-11-30 09:00")
    assert opens_at(SHOP, at("2026-11-23 10:00")) is None


def test_spans_that_touch_are_one() -> None:
    hours = parse_opening_hours("Mo 09:00-24:00; Tu 00:00-03:00")
    assert closes_at(hours, at("2026-11-23 10:00")) == at("2026-11-24 03:00")


def test_who_never_closes_has_no_closing_time() -> None:
    assert closes_at(parse_opening_hours("Mo-Su 00:00-24:00"), at("2026-11-23 10:00")) is None


@pytest.mark.parametrize("text", ["Mo 9-5", "Xx 09:00-10:00", "Mo 25:00-26:00", "09:00-10:00", "Mo-Fr"])
def test_what_is_no_opening_hours_is_said_to_be_none(text: str) -> None:
    with pytest.raises(WrongHours):
        parse_opening_hours(text)
