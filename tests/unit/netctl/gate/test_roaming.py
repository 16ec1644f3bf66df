"""Sessions that are taken along to another store, and those that came from one."""

from dataclasses import replace
from pathlib import Path

import pytest

from netctl.gate import store as gate_store
from netctl.gate.refused import Refused
from netctl.gate.roaming import RoamingCodes
from netctl.gate.sessions import LiveSession
from sync import roaming_code
from sync.config import Config
from sync.model import Event, LeadId
from sync.records import grants, open_records
from sync.records.grants import Grant
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, BENS_IP, GatedStore, running

CODES = RoamingCodes(b"k" * 32)
SESSION = LiveSession(
    session_id="session-1",
    mac=ANNA,
    lead_id="lead-1",
    method="form",
    started_at=FakeClock().now(),
    seconds_granted=3600,
    expires=4600.0,
)


def test_who_gave_a_contact_gets_a_code_and_head_office_its_digest() -> None:
    code = CODES.code_of(SESSION)
    assert code
    assert CODES.shown(SESSION) == f"{code[:5]}-{code[5:]}"
    assert CODES.told(SESSION) == {"roaming_sha256": roaming_code.digest(code)}


@pytest.mark.parametrize(
    "stays",
    [
        replace(SESSION, lead_id=None),
        replace(SESSION, method="roaming"),
        replace(SESSION, method="temporary_pass"),
        replace(SESSION, method="voucher"),
        replace(SESSION, method="follow", lead_id=None),
    ],
)
def test_what_stays_where_it_is_has_no_code(stays: LiveSession) -> None:
    assert (CODES.code_of(stays), CODES.shown(stays), CODES.told(stays)) == (None, None, {})


def test_a_box_has_codes_where_roaming_is_on_and_its_key_outlives_a_restart(tmp_path: Path) -> None:
    settings = {
        "venue": {"data_dir": str(tmp_path)},
        "sync": {"head_office_url": "https://head-office.example"},
    }
    assert RoamingCodes.of_box(Config.parse(settings)).shown(SESSION) is None
    assert not (tmp_path / "gate").exists()
    on = Config.parse(settings | {"registration": {"roaming": "on"}})
    shown = RoamingCodes.of_box(on).shown(SESSION)
    assert shown
    assert RoamingCodes.of_box(on).shown(SESSION) == shown
    assert (tmp_path / "gate" / "roaming.key").stat().st_mode & 0o777 == 0o600


def _code_told(event: Event) -> str | None:
    told: str | None = event.body.get("roaming_sha256")
    return told


async def test_the_code_she_sees_is_the_one_head_office_is_told_of_also_after_a_restart(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, codes=CODES) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
        shown = (await store.gate.admit("request-1", ANNAS_IP)).roaming_code
        [started] = await store.told()
    assert shown
    code = roaming_code.read(shown)
    assert code
    assert _code_told(started) == roaming_code.digest(code)
    async with running(tmp_path, clock, store.kernel, codes=CODES) as store:
        session = store.gate.session_of(ANNA)
        assert session
        assert store.gate.seen(session).roaming_code == shown


async def test_a_temporary_pass_that_becomes_a_session_can_be_taken_along(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), codes=CODES) as store:
        store.lease(ANNAS_IP, ANNA)
        assert (await store.gate.temporary_pass(ANNAS_IP)).roaming_code is None
        await store.ask("request-1", lead="lead-1")
        session = await store.gate.admit("request-1", ANNAS_IP)
        assert session.roaming_code
        events = await store.told()
        assert [event.type for event in events] == ["session.started"] * 2
        assert [_code_told(event) is not None for event in events] == [False, True]
        assert {event.body["session_id"] for event in events} == {session.session_id}
        assert events[1].body["lead_id"] == "lead-1"
        # Nothing new about it: nothing is told.
        await store.ask("request-2", lead="lead-1")
        await store.gate.admit("request-2", ANNAS_IP)
        assert len(await store.told()) == 2


async def _grant(
    home: Path, store: GatedStore, request_id: str = "wish-1", seconds: int = 600, ip: str = str(ANNAS_IP)
) -> None:
    """Head office's word, as sync writes it down."""
    records = await open_records(home / "records.db", "sync")
    grant = Grant(
        grant_id=f"grant-of-{request_id}",
        request_id=request_id,
        ip=ip,
        lead_id=LeadId("lead-far-away"),
        method="roaming",
        session_seconds=seconds,
    )
    await records.write(grants.give, grant, store.clock)
    await records.close()


async def _revoke(home: Path, store: GatedStore, request_id: str = "wish-1") -> None:
    records = await open_records(home / "records.db", "sync")
    await records.write(grants.revoke, f"grant-of-{request_id}", store.clock.now())
    await records.close()


async def test_a_grant_opens_the_gate_without_the_portal(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await _grant(tmp_path, store)
        await store.waiting.look()
        session = store.gate.session_of(ANNA)
        assert session
        assert (session.method, session.lead_id) == ("roaming", "lead-far-away")
        assert store.kernel.seconds_left(ANNA) == 600
        await store.waiting.look()
        assert [event.type for event in await store.told()] == ["session.started"]


async def test_the_portal_may_ask_for_it_by_the_wish(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        await _grant(tmp_path, store)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("wish-1", BENS_IP)
        assert refused.value.key == "not_yours"
        assert (await store.gate.admit("wish-1", ANNAS_IP)).seconds_left == 600
        assert not store.kernel.open_for(BEN)


async def test_what_head_office_takes_back_ends_at_the_next_look(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        await _grant(tmp_path, store)
        await _grant(tmp_path, store, "wish-2", ip=str(BENS_IP))
        await store.waiting.look()
        await _revoke(tmp_path, store)
        await store.waiting.look()
        assert not store.kernel.open_for(ANNA)
        assert store.kernel.open_for(BEN)
        ended = (await store.told())[-1]
        assert (ended.type, ended.body["reason"]) == ("session.ended", "expelled")
        await store.waiting.look()
        assert store.gate.session_of(ANNA) is None


async def test_a_grant_that_was_taken_back_before_it_was_used_opens_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await _grant(tmp_path, store)
        await _revoke(tmp_path, store)
        await store.waiting.look()
        assert not store.kernel.open_for(ANNA)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("wish-1", ANNAS_IP)
        assert refused.value.key == "no_such_request"


@pytest.mark.parametrize("second", ["a form", "another grant"])
async def test_who_has_another_reason_to_be_here_stays(tmp_path: Path, second: str) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await _grant(tmp_path, store)
        await store.waiting.look()
        if second == "a form":
            await store.ask("request-2")
        else:
            await _grant(tmp_path, store, "wish-2")
        await store.waiting.look()
        await _revoke(tmp_path, store)
        await store.waiting.look()
        assert store.kernel.open_for(ANNA)


async def test_a_long_session_is_found_by_its_grant_after_weeks(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits={"idle_minutes": 0}) as store:
        store.lease(ANNAS_IP, ANNA)
        await _grant(tmp_path, store, seconds=20 * 86400)
        await store.waiting.look()
        clock.advance(10 * 86400)
        await store.gate.purge()
        session = store.gate.session_of(ANNA)
        assert session
        assert await store.database.read(gate_store.requests_of_session, session.session_id) == {"wish-1"}
        await _revoke(tmp_path, store)
        await store.waiting.look()
        assert store.gate.session_of(ANNA) is None
