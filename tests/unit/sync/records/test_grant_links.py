"""Grants of follows: by the log, by the link, once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync.grant_token import GrantToken
from sync.records import Records, admission, grant_links, grants, open_records
from sync.records.ages import bury
from sync.records.grant_links import FollowGrant, GrantKey
from tests.clock import FakeClock
from tests.unit.sync.records.test_ages import PRIVACY

PHONE, OTHER = "10.77.0.11", "10.77.0.12"
HOUR = 3600


@pytest.fixture
async def sync_records(path: Path) -> AsyncIterator[Records]:
    records = await open_records(path, "sync")
    yield records
    await records.close()


def _token(clock: FakeClock, grant_id: str = "0011223344556677") -> GrantToken:
    return GrantToken(
        channel=1,
        expires_at=clock.now() + timedelta(hours=1),
        venue_number=7,
        grant_id=grant_id,
        subject_hash="8899aabbccddeeff",
    )


def _grant(ip: str = PHONE) -> FollowGrant:
    return FollowGrant(
        grant_id="0011223344556677",
        account="main",
        platform="wechat",
        ip=ip,
        lead_id=None,
        session_seconds=HOUR,
    )


async def test_there_is_no_key_until_head_office_gives_one_and_the_last_one_holds(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    assert await portal_records.read(grant_links.key_of_store) is None
    for number in (1, 2):
        key = GrantKey(key=bytes([number]) * 32, venue_number=number)
        await sync_records.write(grant_links.set_key, key, clock)
        assert await portal_records.read(grant_links.key_of_store) == key


async def test_a_link_asks_for_admission_under_the_grants_own_id(
    portal_records: Records, clock: FakeClock
) -> None:
    token = _token(clock)
    assert await portal_records.write(grant_links.use, token, "main", PHONE, HOUR, clock) == "used_now"
    request = await portal_records.read(admission.find, token.grant_id, clock)
    assert request
    assert (request.ip, request.method, request.session_seconds) == (PHONE, "follow", HOUR)
    followed = await portal_records.read(grant_links.followed, token.grant_id)
    assert followed
    assert (followed.by, followed.platform, followed.account) == ("link", "wechat", "main")


async def test_a_second_tap_is_known_and_another_phone_gets_nothing(
    portal_records: Records, clock: FakeClock
) -> None:
    token = _token(clock)
    await portal_records.write(grant_links.use, token, "main", PHONE, HOUR, clock)
    assert await portal_records.write(grant_links.use, token, "main", PHONE, HOUR, clock) == "used_before"
    assert await portal_records.write(grant_links.use, token, "main", OTHER, HOUR, clock) == "used_by_another"
    request = await portal_records.read(admission.find, token.grant_id, clock)
    assert request
    assert request.ip == PHONE


async def test_what_came_by_the_log_first_is_not_asked_for_again_by_its_link(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    await sync_records.write(grant_links.give, _grant(), clock)
    token = _token(clock)
    assert await portal_records.write(grant_links.use, token, "main", PHONE, HOUR, clock) == "used_before"
    assert await portal_records.write(grant_links.use, token, "main", OTHER, HOUR, clock) == "used_by_another"
    assert await portal_records.read(admission.find, token.grant_id, clock) is None
    [request] = await portal_records.read(grants.pending, clock)
    assert (request.request_id, request.method) == (token.grant_id, "follow")
    followed = await portal_records.read(grant_links.followed, token.grant_id)
    assert followed
    assert (followed.by, followed.account) == ("log", "main")


async def test_what_head_office_took_back_opens_nothing_by_its_link(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    token = _token(clock)
    await sync_records.write(grants.revoke, token.grant_id, clock.now())
    assert await portal_records.write(grant_links.use, token, None, PHONE, HOUR, clock) == "taken_back"
    given = _grant()
    await sync_records.write(grant_links.give, replace(given, grant_id="8899aabbccddeeff"), clock)
    await sync_records.write(grants.revoke, "8899aabbccddeeff", clock.now())
    late = _token(clock, "8899aabbccddeeff")
    assert await portal_records.write(grant_links.use, late, None, PHONE, HOUR, clock) == "taken_back"
    assert await portal_records.read(admission.pending, clock) == []


async def test_a_link_that_the_gate_never_granted_is_used_once_more(
    portal_records: Records, clock: FakeClock
) -> None:
    token = _token(clock)
    await portal_records.write(grant_links.use, token, None, PHONE, HOUR, clock)
    clock.advance(admission.GOOD_FOR_SECONDS + 1)
    assert await portal_records.read(admission.find, token.grant_id, clock) is None
    await portal_records.write(grant_links.use_again, token.grant_id, OTHER, HOUR, clock)
    request = await portal_records.read(admission.find, token.grant_id, clock)
    assert request
    assert request.ip == OTHER
    assert await portal_records.write(grant_links.use, token, None, OTHER, HOUR, clock) == "used_before"


async def test_a_wrong_clock_knows_of_no_passed_moment_until_a_right_one_has_forgotten_links(
    portal_records: Records, clock: FakeClock
) -> None:
    assert await portal_records.read(grant_links.surely_past, clock) == clock.now()
    clock.is_synced = False
    assert await portal_records.read(grant_links.surely_past, clock) is None


async def test_a_used_link_that_was_forgotten_is_over_also_for_a_clock_that_went_back(
    portal_records: Records, clock: FakeClock
) -> None:
    token = _token(clock)
    await portal_records.write(grant_links.use, token, None, PHONE, HOUR, clock)
    clock.advance(HOUR + 86400 + 1)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert await portal_records.read(grant_links.followed, token.grant_id) is None
    clock.is_synced = False
    clock.jump(-30 * 86400)
    past = await portal_records.read(grant_links.surely_past, clock)
    assert past
    assert past > token.expires_at


async def test_a_link_is_remembered_as_long_as_no_right_clock_says_that_it_is_over(
    portal_records: Records, clock: FakeClock
) -> None:
    token = _token(clock)
    await portal_records.write(grant_links.use, token, None, PHONE, HOUR, clock)
    clock.is_synced = False
    clock.jump(10 * 365 * 86400)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert await portal_records.write(grant_links.use, token, None, OTHER, HOUR, clock) == "used_by_another"


async def test_a_moment_noted_by_a_clock_that_was_mistaken_is_put_right(
    portal_records: Records, clock: FakeClock
) -> None:
    clock.jump(10 * 365 * 86400)
    await bury(portal_records, "portal", PRIVACY, clock)
    clock.jump(-10 * 365 * 86400)
    await bury(portal_records, "portal", PRIVACY, clock)
    clock.is_synced = False
    past = await portal_records.read(grant_links.surely_past, clock)
    assert past
    assert past < clock.now()
