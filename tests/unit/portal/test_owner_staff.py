"""The week's board of follows, and the badges that win them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.qr import qr_svg
from portal.site import SITE
from sync.records import Records, follow_staff, open_records
from sync.records.follow_staff import Board, Credit, Member
from tests.unit.portal.owner_store import OwnersStore, open_store

MEI = Member(staff_ref="mei", name="Mei <3", poster_url="http://weixin.qq.com/q/sm")
BO = Member(staff_ref="bo", name="Bo", poster_url=None)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[OwnersStore]:
    async with open_store(tmp_path) as store:
        await store.sign_in()
        yield store


@pytest.fixture
async def sync(store: OwnersStore, tmp_path: Path) -> AsyncIterator[Records]:
    opened = await open_records(store.client.app[SITE].config.venue.data_dir / "records.db", "sync")
    yield opened
    await opened.close()


async def test_before_anybody_followed_the_page_says_so(store: OwnersStore) -> None:
    page = await store.page("/owner/staff")
    assert "Nothing yet" in page
    assert "has named nobody" in page
    assert 'href="/owner/staff" aria-current="page"' in page


async def test_the_board_stands_by_week_the_newest_first(store: OwnersStore, sync: Records) -> None:
    for week, follows in (("2026-W46", 9), ("2026-W47", 1234)):
        row = Credit(name="Mei", follows=follows, registrations=2)
        await sync.write(follow_staff.set_board, Board(week=week, rows=(row,)), store.clock)
    page = await store.page("/owner/staff")
    newest, older = page.index("Week from Monday, November 16"), page.index("Week from Monday, November 9")
    assert newest < page.index("<td>1,234</td>") < older < page.index("<td>9</td>")
    assert "unfollows within a day" in page
    chinese = await store.page("/owner/staff", "zh-CN")
    assert "11月16日" in chinese


async def test_each_member_has_a_badge_to_print(store: OwnersStore, sync: Records) -> None:
    await sync.write(follow_staff.set_members, [MEI, BO])
    listed = await store.page("/owner/staff")
    assert 'href="/owner/staff/mei">Mei &lt;3</a>' in listed
    badge = await store.page("/owner/staff/mei")
    url = store.client.app[SITE].portal_url
    assert qr_svg("http://weixin.qq.com/q/sm") in badge
    assert qr_svg(f"{url}?staff=mei") in badge
    without = await store.page("/owner/staff/bo")
    assert "no code to follow us with yet" in without
    assert qr_svg(f"{url}?staff=bo") in without
    assert (await store.client.get("/owner/staff/nobody")).status == 404


async def test_without_sign_in_nobody_sees_it(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        for path in ("/owner/staff", "/owner/staff/mei"):
            answer = await store.client.get(path, allow_redirects=False)
            assert (answer.status, answer.headers["Location"]) == (303, "/owner/sign-in")
