"""Codes to follow with: filled up by head office, each given to one station and found by what she sends."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.records import Records, follow, open_records, outbox
from sync.records.ages import bury
from sync.records.follow import FollowAccount, FollowCode
from tests.clock import FakeClock
from tests.unit.sync.records.test_ages import PRIVACY

PHONE, OTHER = "10.77.0.11", "10.77.0.12"
WECHAT = FollowAccount(
    account="main", platform="wechat", title="Tea", proof="verified", poster_url="http://q/st.1", link=None
)
FACEBOOK = FollowAccount(
    account="fb",
    platform="facebook",
    title="Tea",
    proof="claimed",
    poster_url=None,
    link="https://fb.example/tea",
)


def code(number: int, clock: FakeClock, days: float = 30) -> FollowCode:
    return FollowCode(
        ref=f"ref-{number:012}",
        code=f"{number:06}",
        url=f"http://weixin.qq.com/q/{number}",
        expires_at=clock.now() + timedelta(days=days),
    )


@pytest.fixture
async def sync_records(path: Path, clock: FakeClock) -> AsyncIterator[Records]:
    """With two accounts and two codes."""
    records = await open_records(path, "sync")
    await records.write(follow.set_accounts, [WECHAT, FACEBOOK])
    await records.write(follow.add_codes, "main", [code(1, clock), code(2, clock)])
    yield records
    await records.close()


async def _told(records: Records) -> list[tuple[str, Any]]:
    queued = await records.read(outbox.pending, 0, 100)
    return [(each.event.type, dict(each.event.body)) for each in queued]


async def test_the_store_offers_what_head_office_said_last_in_its_order(
    portal_records: Records, sync_records: Records
) -> None:
    assert await portal_records.read(follow.accounts) == [WECHAT, FACEBOOK]
    await sync_records.write(follow.set_accounts, [FACEBOOK])
    assert await portal_records.read(follow.accounts) == [FACEBOOK]


async def test_a_station_keeps_the_code_it_was_given_and_head_office_hears_of_it_once(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    first = await portal_records.write(follow.make_offer, "main", PHONE, None, clock)
    assert first is not None
    assert (first.code, first.url, first.ip) == ("000001", "http://weixin.qq.com/q/1", PHONE)
    clock.advance(60)
    assert await portal_records.write(follow.make_offer, "main", PHONE, None, clock) == first
    assert await _told(portal_records) == [("follow.offered", {"account": "main", "ref": first.ref})]


async def test_no_code_is_in_two_hands_and_an_empty_pool_says_so(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    mine = await portal_records.write(follow.make_offer, "main", PHONE, None, clock)
    hers = await portal_records.write(follow.make_offer, "main", OTHER, None, clock)
    assert mine
    assert hers
    assert mine.code != hers.code
    assert await portal_records.write(follow.make_offer, "main", "10.77.0.13", None, clock) is None
    # Not even when the first has long forgotten it: she may still scan it.
    clock.advance(86400 * 2)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert await portal_records.write(follow.make_offer, "main", "10.77.0.13", None, clock) is None
    await sync_records.write(follow.add_codes, "main", [code(1, clock), code(3, clock)])
    fresh = await portal_records.write(follow.make_offer, "main", "10.77.0.13", None, clock)
    assert fresh
    assert fresh.code == "000003"


async def test_the_sender_of_a_ref_or_a_code_is_found_for_half_an_hour_of_one_boot(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    offer = await portal_records.write(follow.make_offer, "main", PHONE, None, clock)
    assert offer
    assert await portal_records.read(follow.any_offer_to, PHONE, clock)
    assert await sync_records.read(follow.holder, "main", offer.ref, None, clock) == PHONE
    assert await sync_records.read(follow.holder, "main", None, offer.code, clock) == PHONE
    assert await sync_records.read(follow.holder, "other", offer.ref, None, clock) is None
    assert await sync_records.read(follow.holder, "main", None, "999999", clock) is None
    # A ref that is nobody's is not looked for by its code.
    assert await sync_records.read(follow.holder, "main", "ref-of-nobody", offer.code, clock) is None
    clock.advance(follow.OFFER_GOOD_FOR_SECONDS + 1)
    assert await sync_records.read(follow.holder, "main", offer.ref, None, clock) is None
    assert not await portal_records.read(follow.any_offer_to, PHONE, clock)
    clock.reboot(0)
    assert await sync_records.read(follow.holder, "main", offer.ref, None, clock) is None


async def test_a_code_that_is_nearly_over_is_not_given_out(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    clock.advance(30 * 86400 - 3599)
    assert await portal_records.write(follow.make_offer, "main", PHONE, None, clock) is None


async def test_with_a_wrong_clock_the_code_that_lives_longest_is_given_out(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    await sync_records.write(follow.add_codes, "main", [code(3, clock, days=40)])
    clock.is_synced = False
    clock.jump(365 * 86400)
    offer = await portal_records.write(follow.make_offer, "main", PHONE, None, clock)
    assert offer
    assert offer.code == "000003"


async def test_what_a_member_of_staff_brought_about_is_told_with_her_name_for_head_office(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(follow.make_offer, "main", PHONE, "mei", clock)
    await portal_records.write(follow.claim, FACEBOOK, PHONE, "mei", clock)
    assert [body["staff_ref"] for _, body in await _told(portal_records)] == ["mei", "mei"]


async def test_a_claim_is_counted_once_a_day_and_station_and_never_as_verified(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    assert await portal_records.write(follow.claim, FACEBOOK, PHONE, None, clock)
    assert not await portal_records.write(follow.claim, FACEBOOK, PHONE, None, clock)
    assert await portal_records.write(follow.claim, FACEBOOK, OTHER, None, clock)
    clock.advance(86400)
    assert await portal_records.write(follow.claim, FACEBOOK, PHONE, None, clock)
    told = await _told(portal_records)
    assert [kind for kind, _ in told] == ["follow.claimed"] * 3
    assert told[0][1].keys() == {"follow_id", "account", "platform"}


async def test_codes_and_addresses_die(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(follow.make_offer, "main", PHONE, None, clock)
    await portal_records.write(follow.claim, FACEBOOK, PHONE, None, clock)

    async def rows(table: str) -> list[Any]:
        return await portal_records.read(
            lambda connection: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
        )

    clock.advance(86400 + 1)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert [row["ip"] for row in await rows("follow_offers")] == [""]
    assert await rows("follow_claims") == []
    clock.advance(31 * 86400)
    await bury(sync_records, "sync", PRIVACY, clock)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert await rows("follow_codes") == await rows("follow_offers") == []
