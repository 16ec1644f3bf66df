from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from netctl.api import Session, Station, parse_ip
from portal import endings, standing
from portal.endings import ending, next_day

OPENS = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SESSION = Session(
    session_id="s",
    lead_id=None,
    method="form",
    started_at=OPENS,
    seconds_granted=60,
    seconds_left=60,
    bytes_up=0,
    bytes_down=0,
)


def _station(**says: Any) -> Station:
    return Station(
        **{"ip": parse_ip("10.77.0.9"), "station_code": "KLMP", "captive": True, "session": None, **says}
    )


def test_where_nobody_knows_nothing_is_claimed_and_the_form_is_offered() -> None:
    assert standing.standing(None) == standing.Standing(registers=True, codes=True)


def test_a_new_station_may_register_type_a_code_or_take_a_few_minutes() -> None:
    stands = standing.standing(_station(passes_left=2))
    assert (stands.registers, stands.codes, stands.passes, stands.sentence) == (True, True, True, "")
    assert not standing.standing(_station(passes_left=0)).passes


def test_while_closed_only_a_code_is_taken_and_the_opening_time_is_said() -> None:
    stands = standing.standing(_station(why="closed", opens_at=OPENS, passes_left=3))
    assert (stands.registers, stands.passes, stands.codes) == (False, False, True)
    assert stands.sentence == standing.CLOSED


def test_after_reopening_nobody_is_told_that_we_are_closed() -> None:
    stands = standing.standing(_station(why="closed"))
    assert stands.registers
    assert stands.sentence not in ("", standing.CLOSED)


@pytest.mark.parametrize(("why", "sentence"), [("blocked", standing.BLOCKED), ("quota", standing.QUOTA)])
def test_who_is_blocked_or_over_her_data_is_offered_no_way_that_fails(why: str, sentence: str) -> None:
    stands = standing.standing(_station(why=why, passes_left=3))
    assert (stands.registers, stands.passes, stands.codes) == (False, False, False)
    assert stands.sentence == sentence


def test_with_the_line_down_she_is_told_so_and_is_sold_no_minutes() -> None:
    stands = standing.standing(_station(uplink=False, passes_left=3, why="expired"))
    assert (stands.registers, stands.passes) == (True, False)
    assert stands.sentence == standing.LINE_DOWN


@pytest.mark.parametrize("why", ["expired", "idle", "expelled", "pass_over"])
def test_each_way_of_being_out_again_is_said(why: str) -> None:
    assert standing.standing(_station(why=why)).sentence
    assert ending(_station(why=why)) is endings.ENDINGS[why]


def test_who_signed_out_herself_is_not_told_so_on_the_splash() -> None:
    assert standing.standing(_station(why="signed_out")).sentence == ""


def test_on_a_pass_she_is_online_and_may_register_for_longer() -> None:
    brief = replace(SESSION, method="temporary_pass")
    stands = standing.standing(_station(captive=False, session=brief, why="admitted"))
    assert (stands.online, stands.on_pass, stands.registers) == (True, True, True)
    stands = standing.standing(_station(captive=False, session=SESSION, why="admitted"))
    assert (stands.online, stands.on_pass, stands.registers) == (True, False, False)


def test_a_till_is_online_without_a_session() -> None:
    stands = standing.standing(_station(captive=False, why="allowed"))
    assert (stands.online, stands.on_pass) == (True, False)


def test_closing_and_having_closed_are_two_endings() -> None:
    assert ending(_station(why="closed", opens_at=OPENS)) is endings.CLOSED
    assert ending(_station(why="closed")) is endings.OPEN_AGAIN
    assert ending(None) is endings.EXPIRED


def test_the_next_day_begins_at_midnight_by_the_stores_clock_also_when_clocks_are_set() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    assert next_day(datetime(2026, 11, 23, 8, 0, tzinfo=UTC), shanghai).astimezone(UTC) == datetime(
        2026, 11, 23, 16, 0, tzinfo=UTC
    )
    berlin = ZoneInfo("Europe/Berlin")
    assert next_day(datetime(2026, 10, 24, 23, 30, tzinfo=UTC), berlin).astimezone(UTC) == datetime(
        2026, 10, 25, 23, 0, tzinfo=UTC
    )
