"""Follows at the gate: the log's grant and the link's request bear one id, and admit once."""

from datetime import timedelta
from pathlib import Path

import pytest

from netctl.api import Ip
from netctl.gate import store as gate_store
from netctl.gate.refused import Refused
from sync.grant_token import GrantToken
from sync.model import Event
from sync.records import grant_links, grants, open_records
from sync.records.grant_links import FollowGrant
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, BENS_IP, GatedStore, running

GRANT_ID = "0011223344556677"


async def _by_log(home: Path, store: GatedStore, ip: Ip = ANNAS_IP) -> None:
    """As sync writes it down."""
    records = await open_records(home / "records.db", "sync")
    grant = FollowGrant(
        grant_id=GRANT_ID, account="main", platform="wechat", ip=str(ip), lead_id=None, session_seconds=7200
    )
    await records.write(grant_links.give, grant, store.clock)
    await records.close()


async def _by_link(store: GatedStore, ip: Ip = ANNAS_IP) -> str:
    """As the portal writes it down."""
    token = GrantToken(
        channel=2,
        expires_at=store.clock.now() + timedelta(hours=1),
        venue_number=7,
        grant_id=GRANT_ID,
        subject_hash="8899aabbccddeeff",
    )
    return await store.portal.write(grant_links.use, token, "line-main", str(ip), 3600, store.clock)


async def _verified(store: GatedStore) -> list[Event]:
    return [event for event in await store.told() if event.type == "follow.verified"]


async def test_a_grant_by_the_log_lets_in_by_itself_and_is_told_with_its_session(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await _by_log(tmp_path, store)
        await store.waiting.look()
        session = store.gate.session_of(ANNA)
        assert session
        assert (session.method, session.seconds_granted) == ("follow", 7200)
        [told] = await _verified(store)
        assert dict(told.body) == {
            "grant_id": GRANT_ID,
            "account": "main",
            "platform": "wechat",
            "by": "log",
            "session_id": session.session_id,
        }


async def test_the_link_lets_in_and_the_log_that_comes_later_does_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        await _by_link(store)
        session = await store.gate.admit(GRANT_ID, ANNAS_IP)
        assert (session.method, session.seconds_granted) == ("follow", 3600)
        await _by_log(tmp_path, store, BENS_IP)
        await store.waiting.look()
        assert store.gate.session_of(BEN) is None
        again = store.gate.session_of(ANNA)
        assert again
        assert again.seconds_granted == 3600
        [told] = await _verified(store)
        assert (told.body["by"], told.body["account"]) == ("link", "line-main")


async def test_the_log_lets_in_and_the_link_on_the_same_phone_finds_her_session(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await _by_log(tmp_path, store)
        await store.waiting.look()
        assert await _by_link(store) == "used_before"
        session = await store.gate.admit(GRANT_ID, ANNAS_IP)
        assert session.seconds_granted == 7200
        assert len(await _verified(store)) == 1


async def test_on_another_phone_it_opens_nothing_however_late(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        await _by_link(store)
        await store.gate.admit(GRANT_ID, ANNAS_IP)
        for waited in (0, 301):
            clock.advance(waited)
            with pytest.raises(Refused) as refused:
                await store.gate.admit(GRANT_ID, BENS_IP)
            assert refused.value.key == "not_yours"
        assert store.gate.session_of(BEN) is None
        assert (await store.gate.admit(GRANT_ID, ANNAS_IP)).method == "follow"


async def test_a_temporary_pass_becomes_the_follows_session(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        brief = await store.gate.temporary_pass(ANNAS_IP)
        await _by_log(tmp_path, store)
        await store.waiting.look()
        session = store.gate.session_of(ANNA)
        assert session
        assert (session.session_id, session.method, session.bytes_limit) == (
            brief.session_id,
            "follow",
            None,
        )
        [told] = await _verified(store)
        assert told.body["session_id"] == brief.session_id


async def test_after_she_signed_out_the_used_grant_opens_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await _by_link(store)
        await store.gate.admit(GRANT_ID, ANNAS_IP)
        await store.gate.sign_out(ANNAS_IP)
        with pytest.raises(Refused) as refused:
            await store.gate.admit(GRANT_ID, ANNAS_IP)
        assert refused.value.key == "session_over"
        await _by_log(tmp_path, store)
        await store.waiting.look()
        assert store.gate.session_of(ANNA) is None


@pytest.mark.parametrize("then_right", [False, True])
async def test_a_clock_that_jumps_by_weeks_lets_no_used_link_in_again(
    tmp_path: Path, then_right: bool
) -> None:
    """Unsynced and far ahead; or set right while she is there, her link used in the past of the clock."""
    clock = FakeClock()
    clock.is_synced = False
    async with running(tmp_path, clock) as store:
        store.lease(ANNAS_IP, ANNA)
        await _by_link(store)
        await store.gate.admit(GRANT_ID, ANNAS_IP)
        clock.jump(30 * 86_400)
        clock.is_synced = then_right
        await store.gate.sign_out(ANNAS_IP)
        if not then_right:
            clock.jump(30 * 86_400)
        clock.advance(301)
        await store.gate.purge()
        with pytest.raises(Refused) as refused:
            await store.gate.admit(GRANT_ID, ANNAS_IP)
        assert refused.value.key == "session_over"


async def test_requests_are_forgotten_with_the_sessions_they_led_to(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        store.lease(ANNAS_IP, ANNA)
        await _by_link(store)
        await store.gate.admit(GRANT_ID, ANNAS_IP)
        await store.gate.sign_out(ANNAS_IP)
        clock.advance(8 * 86_400)
        await store.gate.purge()
        assert await store.database.read(gate_store.session_of_request, GRANT_ID) is None


async def test_an_unfollow_that_head_office_takes_back_ends_what_the_link_opened(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await _by_link(store)
        await store.gate.admit(GRANT_ID, ANNAS_IP)
        records = await open_records(tmp_path / "records.db", "sync")
        await records.write(grants.revoke, GRANT_ID, store.clock.now())
        await records.close()
        await store.waiting.look()
        assert store.gate.session_of(ANNA) is None


async def test_a_restart_between_grant_and_gate_loses_nothing_and_tells_it_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        store.lease(ANNAS_IP, ANNA)
        await _by_log(tmp_path, store)
    async with running(tmp_path, clock, store.kernel) as store:
        await store.waiting.look()
        assert store.gate.session_of(ANNA)
    async with running(tmp_path, clock, store.kernel) as store:
        await store.waiting.look()
        assert len(await _verified(store)) == 1
