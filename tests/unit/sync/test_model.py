from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from sync.model import SystemClock, from_wire, new_event, new_id, to_wire
from tests.clock import FakeClock


def test_a_time_on_the_wire_is_utc_with_six_digits() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert to_wire(datetime(2026, 11, 23, 16, 0, 5, tzinfo=shanghai)) == "2026-11-23T08:00:05.000000Z"


def test_text_order_is_time_order() -> None:
    times = [datetime(2026, 11, 23, 8, tzinfo=UTC) + timedelta(microseconds=n * 333_333) for n in range(10)]
    assert sorted(map(to_wire, times)) == list(map(to_wire, times))
    assert [from_wire(to_wire(at)) for at in times] == times


@pytest.mark.parametrize("text", ["2026-11-23T08:00:00", "yesterday", ""])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_wire(text)


def test_an_id_follows_the_ulid_specification() -> None:
    # The specification's own example: 2016-07-30T23:54:10.259Z encodes as 01ARYZ6S41.
    assert new_id(1469918176385, lambda count: bytes(count)) == "01ARYZ6S41" + "0" * 16
    assert new_id(0, lambda count: b"\xff" * count) == "0" * 10 + "Z" * 16


def test_ids_of_one_millisecond_differ() -> None:
    assert len({new_id(1) for _ in range(1000)}) == 1000


def test_an_event_says_whether_its_clock_was_right() -> None:
    clock = FakeClock()
    assert new_event("venue.started", {}, clock).clock == "synced"
    clock.reboot(60)
    event = new_event("venue.started", {}, clock)
    assert (event.clock, event.monotonic_ms, event.boot_id) == ("unsynced", 5000, clock.boot_id)


def test_the_systems_clock_goes_on_and_knows_its_boot() -> None:
    clock = SystemClock()
    before = clock.boottime()
    assert clock.boottime() >= before
    assert len(clock.boot_id) == 36
    assert clock.now().tzinfo is UTC
    assert isinstance(clock.synced(), bool)


def test_that_the_clock_was_set_is_noticed_without_asking_each_time(tmp_path: Path) -> None:
    said = tmp_path / "synchronized"
    said.touch()
    clock = SystemClock(said)
    assert clock.synced()
    said.unlink()
    assert clock.synced()
