"""Wishes to go on in another store, head office's word on them, and how long each holds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sync.model import LeadId
from sync.records import Records, grants, open_records, roaming
from sync.records.grants import Grant
from sync.records.roaming import RoamingRequest
from tests.clock import FakeClock

WISH = RoamingRequest(request_id="wish-1", ip="10.77.0.11", code_sha256="a" * 64, contact="+8613800138000")
GRANT = Grant(
    grant_id="grant-1",
    request_id="wish-1",
    ip="10.77.0.11",
    lead_id=LeadId("lead-1"),
    method="roaming",
    session_seconds=3600,
)


@pytest.fixture
async def sync_records(path: Path) -> AsyncIterator[Records]:
    records = await open_records(path, "sync")
    yield records
    await records.close()


async def test_a_wish_waits_for_head_office_until_it_has_spoken(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(roaming.ask, WISH, clock)
    await portal_records.write(roaming.ask, WISH, clock)
    assert await sync_records.read(roaming.unanswered, clock) == [WISH]

    await sync_records.write(roaming.refuse, "wish-1", roaming.UNREACHABLE, clock.now())
    assert await sync_records.read(roaming.unanswered, clock) == [WISH]

    await sync_records.write(roaming.refuse, "wish-1", "over", clock.now())
    assert await sync_records.read(roaming.unanswered, clock) == []
    refusal = await portal_records.read(roaming.refusal_of, "wish-1")
    assert refusal
    assert refusal.key == "over"


async def test_a_granted_wish_is_not_asked_again(
    portal_records: Records, sync_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(roaming.ask, WISH, clock)
    await sync_records.write(grants.give, GRANT, clock)
    assert await sync_records.read(roaming.unanswered, clock) == []


async def test_a_wish_is_good_for_five_minutes_of_one_boot(portal_records: Records, clock: FakeClock) -> None:
    await portal_records.write(roaming.ask, WISH, clock)
    clock.advance(300)
    assert await portal_records.read(roaming.latest_from, WISH.ip, clock) == WISH
    assert await portal_records.read(roaming.find, "wish-1", clock) == WISH
    clock.advance(1)
    assert await portal_records.read(roaming.latest_from, WISH.ip, clock) is None
    assert await portal_records.read(roaming.find, "wish-1", clock) is None
    assert await portal_records.read(roaming.unanswered, clock) == []
    clock.uptime_seconds -= 301
    assert await portal_records.read(roaming.find, "wish-1", clock) == WISH
    clock.boot_id = "22222222-2222-4222-8222-222222222222"
    assert await portal_records.read(roaming.find, "wish-1", clock) is None


async def test_the_gate_reads_a_grant_as_a_request_that_loses_the_time_it_waited(
    sync_records: Records, clock: FakeClock
) -> None:
    await sync_records.write(grants.give, GRANT, clock)
    clock.advance(100)
    request = await sync_records.read(grants.find, "wish-1", clock)
    assert request is not None
    assert (request.ip, request.lead_id, request.method) == ("10.77.0.11", "lead-1", "roaming")
    assert request.session_seconds == 3500
    assert await sync_records.read(grants.pending, clock) == [request]
    clock.advance(201)
    assert await sync_records.read(grants.pending, clock) == []


async def test_a_grant_of_a_minute_is_none_after_it(sync_records: Records, clock: FakeClock) -> None:
    short = Grant(
        grant_id="g", request_id="wish-1", ip="10.77.0.11", lead_id=None, method="roaming", session_seconds=60
    )
    await sync_records.write(grants.give, short, clock)
    clock.advance(60)
    assert await sync_records.read(grants.find, "wish-1", clock) is None


async def test_a_second_grant_for_a_request_changes_nothing(sync_records: Records, clock: FakeClock) -> None:
    await sync_records.write(grants.give, GRANT, clock)
    other = Grant(
        grant_id="grant-2", request_id="wish-1", ip="10.77.0.99", lead_id=None, method="x", session_seconds=9
    )
    await sync_records.write(grants.give, other, clock)
    [request] = await sync_records.read(grants.pending, clock)
    assert (request.ip, request.session_seconds) == ("10.77.0.11", 3600)


async def test_what_head_office_takes_back_opens_nothing_any_more(
    sync_records: Records, clock: FakeClock
) -> None:
    await sync_records.write(grants.give, GRANT, clock)
    assert await sync_records.read(grants.revoked) == set()
    await sync_records.write(grants.revoke, "grant-1", clock.now())
    await sync_records.write(grants.revoke, "never-given", clock.now())
    assert await sync_records.read(grants.pending, clock) == []
    # What never came here by the log may yet come by its link.
    assert await sync_records.read(grants.revoked) == {"wish-1", "never-given"}
