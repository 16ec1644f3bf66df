"""The log as it grows, is torn by a power cut, meets a full disk, and dies by age."""

import contextlib
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netctl.legal.chunk import HEADER_BYTES, chunks
from netctl.legal.reading import entries, known_times, right_time
from netctl.legal.record import Record
from netctl.legal.retention import delete_old, delete_rest
from netctl.legal.seal import signing_key
from netctl.legal.segments import LegalLog, Limits
from netctl.legal.verify import verify
from tests.unit.netctl.legal.conftest import Shop


def read(shop: Shop) -> list[Record | None]:
    return [entry.record for entry in entries(shop.directory, shop.reader)]


def test_what_was_written_is_read_with_the_private_key(shop: Shop) -> None:
    records = [shop.lease(), shop.opened()]
    shop.write(records)
    assert read(shop) == records


def test_nothing_readable_lies_on_the_disk(shop: Shop) -> None:
    shop.write([shop.lease()] * 50)
    everything = b"".join(path.read_bytes() for path in shop.directory.iterdir())
    assert b"02:00:5e" not in everything
    assert bytes.fromhex("02005e100001") not in everything
    assert b"10.77." not in everything


def test_only_its_own_user_may_even_look(shop: Shop) -> None:
    shop.write([shop.opened()])
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in shop.segments()} == {0}
    assert stat.S_IMODE((shop.directory / "signing.key").stat().st_mode) == 0o600


def test_a_wrong_private_key_opens_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.write([shop.opened()])
    (entry,) = entries(shop.directory, Shop(tmp_path / "other").reader)
    assert entry.record is None
    assert "cannot be read" in entry.problem


def test_one_damaged_chunk_costs_that_chunk_only(shop: Shop) -> None:
    shop.write([shop.opened(1)], [shop.opened(2)], [shop.opened(3)])
    path = shop.segments()[0]
    data = bytearray(path.read_bytes())
    data[list(chunks(bytes(data)))[2].at + HEADER_BYTES + 5] ^= 1
    path.write_bytes(data)
    assert [record and record[2] for record in read(shop) if not isinstance(record, dict)] == [1, None, 3]


def test_a_power_cut_in_the_middle_of_a_chunk_is_declared_and_the_log_stays_whole(shop: Shop) -> None:
    shop.write([shop.opened(1)], [shop.opened(2)])
    with shop.segments()[0].open("ab") as file:
        file.write(b"YKL1\1\1 and then the power went")
    again = shop.open()
    assert again.found.torn
    assert again.found.last_at == "2026-11-23T08:00:02.000000Z"
    again.write([shop.opened(3)])
    verdict = verify(shop.directory)
    assert (verdict.ok, verdict.torn) == (True, 1)
    assert [record[2] for record in read(shop) if isinstance(record, list)] == [1, 2, 3]


def test_chunks_that_were_cut_off_while_the_daemon_was_away_stay_missed_for_ever(shop: Shop) -> None:
    shop.write([shop.opened(1)], [shop.opened(2)])
    path = shop.segments()[0]
    data = path.read_bytes()
    path.write_bytes(data[: list(chunks(data))[-1].at])
    shop.write([shop.opened(3)])
    assert verify(shop.directory).problems == ["Before segment 2, chunks 3 to 3 were cut off."]


def test_zeros_at_the_end_as_some_file_systems_leave_them_are_a_torn_end(shop: Shop) -> None:
    shop.write([shop.opened(1)])
    with shop.segments()[0].open("ab") as file:
        file.write(bytes(4096))
    shop.write([shop.opened(2)])
    verdict = verify(shop.directory)
    assert (verdict.ok, verdict.torn) == (True, 1)


def test_a_segment_that_was_torn_in_its_head_is_declared_too(shop: Shop) -> None:
    shop.write([shop.opened(1)])
    (shop.directory / "000000000002.segment").write_bytes(b"YKL1")
    shop.write([shop.opened(2)])
    assert [path.name for path in shop.segments()][-1] == "000000000003.segment"
    assert verify(shop.directory).ok


def test_the_journals_place_is_found_again_after_a_restart(shop: Shop) -> None:
    log = shop.open()
    log.write([shop.opened()], journal_seq=41)
    log.write([shop.over()])
    log.close()
    assert shop.open().place.journal_seq == 41


def test_a_segment_ends_when_it_is_large_and_when_it_is_a_day_old(shop: Shop) -> None:
    log = shop.open(Limits(segment_bytes=1000, keep_free_bytes=0))
    for number in range(4):
        log.write([shop.opened(number)])
    large = len(shop.segments())
    assert large > 1
    shop.clock.advance(25 * 3600)
    log.write([shop.over()])
    assert len(shop.segments()) == large + 1
    assert verify(shop.directory).ok


def test_the_last_of_a_disk_is_left_to_those_who_need_it_more(shop: Shop) -> None:
    log = shop.open(Limits(keep_free_bytes=1 << 62))
    with pytest.raises(OSError, match="nearly full"):
        log.write([shop.opened()])
    assert shop.segments() == []


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The kernel writes as much as fits, then refuses: a full disk, for files that grow (setrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [50, 5000])
def test_a_full_disk_in_the_middle_leaves_a_whole_log_that_goes_on_when_there_is_room(
    shop: Shop, room: int
) -> None:
    log = shop.open()
    log.write([shop.opened(1)])
    many = [shop.opened(number, port=number * 7919 % 65536) for number in range(2, 3000)]
    with no_file_beyond(shop.segments()[0].stat().st_size + room):
        for _ in range(3):
            with pytest.raises(OSError, match="too large"):
                log.write(many)
    assert verify(shop.directory).ok
    log.write([shop.opened(2)])
    assert verify(shop.directory).ok
    assert [record[2] for record in read(shop) if isinstance(record, list)] == [1, 2]
    assert len(shop.segments()) == 2


def test_segments_die_whole_by_age(shop: Shop, days: Callable[[int], None]) -> None:
    days(4)
    signing = signing_key(shop.directory / "signing.key")
    assert delete_old(shop.directory, 3, signing, shop.clock) == [1]
    assert delete_old(shop.directory, 3, signing, shop.clock) == []
    assert len(shop.segments()) == 3


def test_nothing_dies_while_the_clock_is_wrong(shop: Shop, days: Callable[[int], None]) -> None:
    days(4)
    shop.clock.jump(3650 * 86400)
    shop.clock.is_synced = False
    assert delete_old(shop.directory, 2, signing_key(shop.directory / "signing.key"), shop.clock) == []


def test_what_was_written_while_the_clock_was_wrong_is_as_old_as_what_follows_it(shop: Shop) -> None:
    shop.clock.jump(-3650 * 86400)
    shop.clock.is_synced = False
    shop.write([shop.opened(1)])
    shop.clock.jump(3650 * 86400)
    shop.clock.is_synced = True
    shop.write([shop.opened(2)])
    shop.write([shop.opened(3)])
    signing = signing_key(shop.directory / "signing.key")
    assert delete_old(shop.directory, 2, signing, shop.clock) == []
    shop.clock.advance(3 * 86400)
    assert delete_old(shop.directory, 2, signing, shop.clock) == [1, 2]


def test_a_power_cut_between_anchor_and_deletion_is_caught_up(
    shop: Shop, days: Callable[[int], None]
) -> None:
    days(3)
    signing = signing_key(shop.directory / "signing.key")
    oldest = shop.segments()[0]
    still_there = oldest.read_bytes()
    assert delete_old(shop.directory, 2, signing, shop.clock) == [1]
    oldest.write_bytes(still_there)
    assert verify(shop.directory).ok
    delete_old(shop.directory, 2, signing, shop.clock)
    assert len(shop.segments()) == 2
    assert verify(shop.directory).ok


def test_what_is_left_of_a_log_that_was_switched_off_dies_at_its_age(
    shop: Shop, days: Callable[[int], None]
) -> None:
    days(2)
    assert delete_rest(shop.directory, shop.clock)
    assert len(shop.segments()) == 2
    shop.clock.advance(31 * 86400)
    assert not delete_rest(shop.directory, shop.clock)
    assert shop.segments() == []


def test_a_store_that_never_had_a_log_has_nothing_to_bury(shop: Shop, tmp_path: Path) -> None:
    assert not delete_rest(tmp_path / "nowhere", shop.clock)
    assert not (tmp_path / "nowhere").exists()


def test_a_log_that_is_switched_on_again_goes_on_behind_what_died(
    shop: Shop, days: Callable[[int], None]
) -> None:
    days(2)
    shop.clock.advance(40 * 86400)
    delete_rest(shop.directory, shop.clock)
    shop.write([shop.opened()])
    verdict = verify(shop.directory)
    assert (verdict.ok, verdict.is_from_start) == (True, False)
    assert [path.name for path in shop.segments()] == ["000000000003.segment"]


def test_a_wrong_clock_is_corrected_by_a_later_chunk_of_the_same_boot(shop: Shop) -> None:
    log: LegalLog = shop.open()
    right = shop.clock.now()
    shop.clock.jump(-86400 * 300)
    shop.clock.is_synced = False
    log.write([shop.opened(1)])
    shop.clock.advance(10)
    shop.clock.jump(86400 * 300)
    shop.clock.is_synced = True
    log.write([shop.opened(2)])
    known = known_times(shop.directory)
    told = [
        right_time(entry, entry.record[1], known)
        for entry in entries(shop.directory, shop.reader)
        if isinstance(entry.record, list)
    ]
    assert [clock for _, clock in told] == ["corrected", "synced"]
    assert told[0][0] == right.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_a_clock_that_was_never_right_is_said_to_be_so(shop: Shop) -> None:
    shop.clock.is_synced = False
    shop.write([shop.opened(1)])
    (entry,) = entries(shop.directory, shop.reader)
    assert right_time(entry, 0, known_times(shop.directory))[1] == "unsynced"
