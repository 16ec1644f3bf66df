"""The stock of codes, and what stores are told."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web

from sync.headoffice.bell import Bell
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint, Minted, WhyNot
from sync.headoffice.follow.pool import Pool
from tests.unit.sync.headoffice.follow.conftest import ACCOUNT, Books

PAGE = Account(
    name="page", platform="facebook", title="Our page", id="tea", options={"link": "https://facebook.com/tea"}
)


class Press:
    """A platform that mints as it is told to."""

    def __init__(self) -> None:
        self.why: WhyNot | None = None
        self.asked: list[tuple[str, int | None]] = []

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        self.asked.append((scene, seconds))
        if self.why is not None:
            raise CannotMint(self.why)
        return Minted(url=f"http://weixin.qq.com/q/{scene}")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async def is_following(self, subject_id: str) -> bool | None:
        return None

    async def close(self) -> None:
        pass


@pytest.fixture
def press() -> Press:
    return Press()


def _pool(books: Books, press: Press, *accounts: Account, codes: int = 8) -> Pool:
    offered = accounts or (ACCOUNT,)
    return Pool(
        offered,
        {account.name: press for account in offered if account.proof == "verified"},
        storage=books.storage.follow,
        bell=Bell(),
        clock=books.clock,
        timezone=ZoneInfo("UTC"),
        codes_per_store=codes,
        code_days=30,
    )


async def _entries(books: Books, venue_id: str = "north") -> list[dict[str, Any]]:
    return [entry for body in await books.commands("follow_codes", venue_id) for entry in body["entries"]]


async def test_a_stock_over_half_is_left_alone(books: Books, press: Press) -> None:
    """The fixture gave four to each store: half of eight."""
    await _pool(books, press).fill()
    assert press.asked == []
    await books.tells("follow.offered", {"account": "main", "ref": books.codes["session north"][0].ref})
    await _pool(books, press).fill()
    assert len(press.asked) == 5
    assert len(await _entries(books)) == 3 + 5
    assert len(await _entries(books, "south")) == 4
    assert {seconds for _, seconds in press.asked} == {30 * 86400}


async def test_a_box_set_up_anew_is_not_given_what_was_in_somebodys_hands(books: Books, press: Press) -> None:
    codes = books.codes["session north"]
    await books.tells("follow.offered", {"account": "main", "ref": codes[0].ref})
    await books.hear(scene=books.scene(place=1))
    assert {entry["ref"] for entry in await _entries(books)} == {code.ref for code in codes[2:]}
    for code in codes[2:]:
        await books.tells("follow.offered", {"account": "main", "ref": code.ref})
    assert await books.commands("follow_codes") == []
    assert len(await _entries(books, "south")) == 4


async def test_codes_and_refs_are_everybodys_own(books: Books, press: Press) -> None:
    await _pool(books, press, codes=24).fill()
    entries = await _entries(books) + await _entries(books, "south")
    assert (
        len({entry["code"] for entry in entries}) == len({entry["ref"] for entry in entries}) == len(entries)
    )


async def test_a_box_that_tells_of_another_stores_code_takes_nothing_from_it(
    books: Books, press: Press
) -> None:
    await books.tells("follow.offered", {"account": "main", "ref": books.codes["session south"][0].ref})
    await _pool(books, press).fill()
    assert press.asked == []


@pytest.mark.parametrize("why", ["no_permission", "unsupported"])
async def test_without_the_right_to_qr_codes_stores_get_digits_and_one_is_asked_for_an_hour(
    books: Books, press: Press, why: WhyNot
) -> None:
    press.why = why
    pool = _pool(books, press, codes=24)
    await pool.fill()
    await pool.fill()
    assert len(press.asked) == 1
    assert [entry["url"] for entry in await _entries(books)].count(None) == 20
    assert [trouble.why for trouble in await books.storage.follow.troubles()] == [why]
    books.clock.advance(3601)
    press.why = None
    await books.storage.follow.enlist("north", "Ann", books.clock.now())
    await pool.fill()
    assert await books.storage.follow.troubles() == []


async def test_a_platform_that_is_down_is_waited_for_and_then_digits_must_do(
    books: Books, press: Press
) -> None:
    press.why = "unavailable"
    pool = _pool(books, press, codes=24)
    for _ in range(2):
        await pool.fill()
        assert len(await _entries(books)) == 4
        books.clock.advance(31)
    await pool.fill()
    assert len(press.asked) == 3
    assert len(await _entries(books)) == 24


async def test_a_poster_without_a_qr_gets_one_when_the_right_is_back(books: Books, press: Press) -> None:
    member = await books.storage.follow.enlist("north", "Ann", books.clock.now())
    press.why = "no_permission"
    pool = _pool(books, press)
    await pool.fill()
    assert (await books.commands("follow_staff"))[0]["members"][0]["poster_url"] is None
    books.clock.advance(3601)
    press.why = None
    # Something has to be asked for, or nobody learns that the right is back.
    await books.tells("follow.offered", {"account": "main", "ref": books.codes["session north"][0].ref})
    await pool.fill()
    [told] = await books.commands("follow_staff")
    url = f"http://weixin.qq.com/q/sm.1.{member.staff_ref}"
    assert told["members"] == [{"staff_ref": member.staff_ref, "name": "Ann", "poster_url": url}]


async def test_a_store_is_told_again_only_what_has_changed(books: Books, press: Press) -> None:
    await _pool(books, press).fill()
    first = len(await books.log())
    await _pool(books, press).fill()
    assert len(await books.log()) == first
    await _pool(books, press, ACCOUNT, PAGE).fill()
    # The new full state stands where the old one stood.
    assert len(await books.log()) == first
    [told] = await books.commands("follow_accounts")
    assert [offer["proof"] for offer in told["accounts"]] == ["verified", "claimed"]
    assert told["accounts"][1]["link"] == "https://facebook.com/tea"
    await _pool(books, press, PAGE).fill()
    [told] = await books.commands("follow_accounts")
    assert [offer["account"] for offer in told["accounts"]] == ["page"]


async def test_an_account_of_another_brand_is_offered_nowhere_here(books: Books, press: Press) -> None:
    other = Account(name="other", platform="wechat", title="Coffee", id="wx2", brands=("coffee",))
    await _pool(books, press, ACCOUNT, other).fill()
    [told] = await books.commands("follow_accounts")
    assert [offer["account"] for offer in told["accounts"]] == ["main"]


async def test_codes_that_end_soon_are_replaced(books: Books, press: Press) -> None:
    books.clock.advance(timedelta(days=29, hours=1).total_seconds())
    await _pool(books, press, codes=4).fill()
    assert len(await _entries(books)) == 8


async def test_a_line_link_carries_the_digits(books: Books, press: Press) -> None:
    line = Account(name="line", platform="line", title="Tea House", id="@tea")
    await _pool(books, press, line, codes=4).fill()
    entries = [entry for entry in await _entries(books) if entry["url"].endswith(entry["code"])]
    assert len(entries) == 4
