"""The book on its way to the disk, and what the owner is told when it does not get there."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netctl.legal.book import Book
from netctl.legal.reading import entries
from netctl.legal.record import Record
from netctl.legal.segments import Limits
from netctl.legal.writer import LOSSES, NOT_WRITTEN, Owner, Writer
from sync.records import Records, notices
from sync.records.connect import migrate, open_records
from tests.unit.netctl.legal.conftest import Shop


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    migrate(tmp_path / "records.db")
    records = await open_records(tmp_path / "records.db", "legal")
    yield records
    await records.close()


class Desk:
    """A writer with its book; `dropped` is what the kernel will say it dropped."""

    def __init__(
        self, shop: Shop, records: Records, *, most: int = 1000, limits: Limits | None = None
    ) -> None:
        self.shop, self.records = shop, records
        self.book, self.dropped = Book(most=most), 0
        owner = Owner(records, shop.clock)
        self.writer = Writer(self.book, shop.open(limits), shop.clock, owner, lambda: self.dropped)

    def hear(self, count: int) -> None:
        self.book.add([self.shop.opened(number) for number in range(count)], self.shop.at_ms())

    def read(self) -> list[Record | None]:
        return [entry.record for entry in entries(self.shop.directory, self.shop.reader)]

    async def told(self) -> dict[str, str]:
        return {each.key: each.detail for each in await self.records.read(notices.open_notices)}


async def test_what_was_heard_is_on_the_disk_after_a_flush(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records)
    desk.hear(3)
    await desk.writer.flush()
    assert len(desk.read()) == 3
    assert await desk.told() == {}


async def test_events_the_kernel_dropped_are_counted_recorded_and_told(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records)
    shop.clock.advance(2)
    desk.writer.lose()
    desk.dropped = 1234
    await desk.writer.flush()
    (loss,) = desk.read()
    assert loss == {"k": "loss", "at": shop.at_ms(), "from": -2000, "events": 1234}
    assert (await desk.told())[LOSSES].startswith("1234 ")


async def test_a_day_without_losses_ends_the_notice(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records)
    desk.writer.lose()
    await desk.writer.flush()
    shop.clock.advance(86401)
    await desk.writer.flush()
    assert await desk.told() == {}


async def test_on_a_full_disk_records_wait_and_the_owner_is_told(shop: Shop, records: Records) -> None:
    full = Limits(keep_free_bytes=1 << 62)
    desk = Desk(shop, records, limits=full)
    desk.hear(3)
    await desk.writer.flush()
    assert "nearly full" in (await desk.told())[NOT_WRITTEN]
    assert len(desk.book.waiting) == 3


async def test_what_a_full_disk_has_no_room_for_is_counted_in_the_log(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records, most=10)
    moved = shop.directory.rename(shop.directory.with_name("away"))
    desk.hear(25)
    await desk.writer.flush()
    assert NOT_WRITTEN in await desk.told()
    moved.rename(shop.directory)
    await desk.writer.flush()
    assert len(desk.read()) == 11
    assert desk.read()[-1] == {"k": "loss", "at": shop.at_ms(), "from": 0, "records": 15}
    assert await desk.told() == {}


async def test_sessions_are_kept_when_there_is_no_room_for_connections(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records, most=1)
    desk.hear(5)
    desk.book.add([shop.lease()], shop.at_ms())
    await desk.writer.flush()
    assert [record["k"] for record in desk.read() if isinstance(record, dict)] == ["lease", "loss"]


async def test_a_log_folder_that_is_gone_for_good_ends_nothing(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records)
    shutil.rmtree(shop.directory)
    desk.hear(1)
    await desk.writer.flush()
    desk.writer.finish()
    assert NOT_WRITTEN in await desk.told()


async def test_a_quiet_log_says_every_five_minutes_that_it_runs(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records)
    await desk.writer.flush()
    shop.clock.advance(301)
    await desk.writer.flush()
    await desk.writer.flush()
    assert desk.read() == [{"k": "alive", "at": shop.at_ms()}]


async def test_what_still_waits_is_written_at_the_end(shop: Shop, records: Records) -> None:
    desk = Desk(shop, records)
    desk.hear(2)
    desk.writer.finish()
    assert len(desk.read()) == 2
