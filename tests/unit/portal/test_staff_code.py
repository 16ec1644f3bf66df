from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portal.staff_code import StaffCode, code_of, working_day
from tests.clock import FakeClock

KEY = b"k" * 32


def _at(text: str, zone: str = "Asia/Shanghai") -> tuple[FakeClock, StaffCode]:
    clock = FakeClock()
    clock.wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return clock, StaffCode(KEY, ZoneInfo(zone), clock)


def test_the_code_holds_from_four_to_four_by_the_stores_own_clock() -> None:
    clock, staff = _at("2026-11-23 04:00")
    code = staff.today()
    assert (len(code), code.isdigit()) == (6, True)
    clock.advance(24 * 3600 - 1)
    assert staff.is_today(code)
    clock.advance(1)
    assert not staff.is_today(code)
    assert staff.is_today(staff.today())


def test_after_midnight_it_is_still_the_evenings_shift() -> None:
    assert working_day(datetime(2026, 11, 24, 1, 30)) == date(2026, 11, 23)  # noqa: DTZ001
    assert _at("2026-11-24 01:30")[1].today() == _at("2026-11-23 23:00")[1].today()


def test_in_the_night_when_clocks_are_set_it_changes_at_four_too() -> None:
    zone = "Europe/Berlin"
    assert _at("2026-10-25 03:59", zone)[1].today() == _at("2026-10-24 12:00", zone)[1].today()
    assert _at("2026-10-25 04:00", zone)[1].today() == _at("2026-10-25 12:00", zone)[1].today()
    assert _at("2026-03-29 04:00", zone)[1].today() == _at("2026-03-29 12:00", zone)[1].today()


def test_another_day_or_another_box_has_another_code() -> None:
    codes = {code_of(key, date(2026, 11, day)) for key in (KEY, b"m" * 32) for day in range(1, 31)}
    assert len(codes) == 60


def test_a_code_with_anything_but_its_digits_is_not_it() -> None:
    _, staff = _at("2026-11-23 12:00")
    for typed in ("", "é", staff.today() + "0", staff.today()[:5]):
        assert not staff.is_today(typed)


def test_a_clock_that_is_not_right_is_admitted_to() -> None:
    clock, staff = _at("2026-11-23 12:00")
    assert staff.is_sure()
    clock.is_synced = False
    assert not staff.is_sure()


def test_the_secret_is_the_portals_alone_and_stays(tmp_path: Path) -> None:
    path, clock = tmp_path / "portal" / "staff_code.key", FakeClock()
    first = StaffCode.from_file(path, "Asia/Shanghai", clock).today()
    assert path.stat().st_mode & 0o777 == 0o600
    assert StaffCode.from_file(path, "Asia/Shanghai", clock).today() == first
    path.write_bytes(b"half")
    with pytest.raises(ValueError, match="remove it"):
        StaffCode.from_file(path, "Asia/Shanghai", clock)
