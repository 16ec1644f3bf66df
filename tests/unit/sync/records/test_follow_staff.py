"""Who works here, and the week's board, as head office says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sync.records import Records, follow_staff, open_records
from sync.records.follow_staff import Board, Credit, Member
from tests.clock import FakeClock

MEI = Member(staff_ref="mei", name="Mei", poster_url="http://q/sm.1.mei")
BO = Member(staff_ref="bo", name="Bo", poster_url=None)


@pytest.fixture
async def sync_records(path: Path) -> AsyncIterator[Records]:
    records = await open_records(path, "sync")
    yield records
    await records.close()


async def test_who_is_not_named_any_more_has_left(sync_records: Records) -> None:
    await sync_records.write(follow_staff.set_members, [MEI, BO])
    assert await sync_records.read(follow_staff.members) == [BO, MEI]
    await sync_records.write(follow_staff.set_members, [BO])
    assert await sync_records.read(follow_staff.members) == [BO]
    assert not await sync_records.read(follow_staff.is_member, "mei")
    assert await sync_records.read(follow_staff.is_member, "bo")


async def test_a_week_told_anew_takes_the_place_of_the_old_and_older_weeks_stay(
    sync_records: Records, clock: FakeClock
) -> None:
    last = Board(week="2026-W46", rows=(Credit(name="Bo", follows=9, registrations=0),))
    first = Board(week="2026-W47", rows=(Credit(name="Mei", follows=1, registrations=2),))
    again = Board(
        week="2026-W47",
        rows=(Credit(name="Bo", follows=3, registrations=0), Credit(name="Mei", follows=2, registrations=2)),
    )
    for board in (first, last, again):
        await sync_records.write(follow_staff.set_board, board, clock)
    assert await sync_records.read(follow_staff.boards) == [again, last]


async def test_no_more_than_a_few_weeks_are_shown(sync_records: Records, clock: FakeClock) -> None:
    for week in range(20, 40):
        rows = (Credit(name="Mei", follows=week, registrations=0),)
        await sync_records.write(follow_staff.set_board, Board(week=f"2026-W{week}", rows=rows), clock)
    boards = await sync_records.read(follow_staff.boards)
    assert [board.week for board in boards] == [f"2026-W{week}" for week in range(39, 31, -1)]
