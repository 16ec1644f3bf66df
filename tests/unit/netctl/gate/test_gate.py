"""The gate: who is admitted, for how long, and what becomes of it when things go wrong."""

import asyncio
from pathlib import Path

import pytest

from netctl.api import parse_ip
from netctl.gate import store as gate_store
from netctl.gate.refused import Refused
from netctl.gate.sessions import RESTORED_SECONDS
from netctl.linux.neighbours import Neighbour
from tests.clock import FakeClock
from tests.unit.netctl.fake_kernel import FakeKernel
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, BENS_IP, GatedStore, running


async def admitted(store: GatedStore, request_id: str = "request-1", seconds: int = 3600) -> str:
    store.lease(ANNAS_IP, ANNA)
    await store.ask(request_id, seconds=seconds)
    return (await store.gate.admit(request_id, ANNAS_IP)).session_id


async def test_who_has_registered_is_let_through_in_both_directions(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        assert not store.kernel.open_for(ANNA)
        await store.ask("request-1", lead="lead-1", seconds=3600)
        session = await store.gate.admit("request-1", ANNAS_IP)
        assert store.kernel.open_for(ANNA)
        assert (session.lead_id, session.seconds_granted, session.seconds_left) == ("lead-1", 3600, 3600)
        assert store.kernel.forgotten == [ANNAS_IP]


async def test_the_same_request_twice_is_one_session(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
        both = await asyncio.gather(*(store.gate.admit("request-1", ANNAS_IP) for _ in range(2)))
        assert both[0].session_id == both[1].session_id
        assert [event.type for event in await store.told()] == ["session.started"]


async def test_who_registers_again_gets_more_time_in_the_same_session(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        first = await admitted(store, seconds=3600)
        store.kernel.count(ANNA, up=1000, down=2000)
        clock.advance(600)
        await store.ask("request-2", lead="lead-2", seconds=3600)
        again = await store.gate.admit("request-2", ANNAS_IP)
        assert (again.session_id, again.lead_id) == (first, "lead-1")
        assert (again.seconds_left, again.seconds_granted) == (3600, 4200)
        assert (again.bytes_up, again.bytes_down) == (1000, 2000)
        assert store.kernel.seconds_left(ANNA) == 3600


@pytest.mark.parametrize("seconds", [2**32, 2**63 - 1, 30 * 86400 + 1, 0, -1])
async def test_a_request_for_longer_than_any_session_lasts_admits_nobody(
    tmp_path: Path, seconds: int
) -> None:
    """Who may write the records must not stop the gate: nft takes no such time, for nobody in the same batch,
    and at its next start the gate would fail by it."""
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1", seconds=seconds)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", ANNAS_IP)
        assert refused.value.key == "bad_request"
        await store.waiting.look()
        assert store.gate.sessions() == []


@pytest.mark.parametrize(
    ("lead", "method"), [("lead\0", "form"), ("x" * 65, "form"), (None, "a\0b"), (None, "")]
)
async def test_a_request_in_words_that_cannot_be_told_on_admits_nobody(
    tmp_path: Path, lead: str | None, method: str
) -> None:
    """The legal log and the sensor read line by line what becomes of it, and would stop at it for good."""
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1", lead=lead, method=method)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", ANNAS_IP)
        assert refused.value.key == "bad_request"


async def test_nobody_is_admitted_without_a_request(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", ANNAS_IP)
        assert refused.value.key == "no_such_request"
        assert not store.kernel.open_for(ANNA)


async def test_a_request_is_good_for_five_minutes(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
        clock.advance(301)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", ANNAS_IP)
        assert refused.value.key == "no_such_request"


async def test_a_request_opens_nothing_for_another_address(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        await store.ask("request-1", ip=ANNAS_IP)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", BENS_IP)
        assert refused.value.key == "not_yours"
        assert not store.kernel.open_for(BEN)


async def test_an_address_we_did_not_give_out_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.kernel.table[ANNAS_IP] = Neighbour(ip=ANNAS_IP, mac=ANNA, answers=True)
        await store.ask("request-1")
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", ANNAS_IP)
        assert refused.value.key == "unknown_station"


async def test_who_took_anothers_address_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        store.kernel.table[ANNAS_IP] = Neighbour(ip=ANNAS_IP, mac=BEN, answers=True)
        await store.ask("request-1")
        with pytest.raises(Refused, match="another device"):
            await store.gate.admit("request-1", ANNAS_IP)
        assert not store.kernel.open_for(ANNA)
        assert not store.kernel.open_for(BEN)


async def test_a_station_is_known_by_its_ipv6_address_too(tmp_path: Path) -> None:
    annas_ipv6 = parse_ip("fd77:79b6:1::11")
    async with running(tmp_path, FakeClock()) as store:
        store.kernel.table[annas_ipv6] = Neighbour(ip=annas_ipv6, mac=ANNA, answers=False)
        await store.ask("request-1", ip=annas_ipv6)
        await store.gate.admit("request-1", annas_ipv6)
        assert store.kernel.open_for(ANNA)


async def test_signing_out_shuts_the_gate_and_tells_what_was_used(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        session_id = await admitted(store)
        store.kernel.count(ANNA, up=10, down=500)
        clock.advance(60)
        ended = await store.gate.sign_out(ANNAS_IP)
        assert not store.kernel.open_for(ANNA)
        assert (ended.reason, ended.seconds_left, ended.bytes_down) == ("signed_out", 0, 500)
        last = (await store.told())[-1]
        assert last.type == "session.ended"
        assert last.body == {
            "session_id": session_id,
            "lead_id": "lead-1",
            "method": "form",
            "started_at": "2026-11-23T08:00:00.000000Z",
            "ended_at": "2026-11-23T08:01:00.000000Z",
            "reason": "signed_out",
            "duration_seconds": 60,
            "bytes_up": 10,
            "bytes_down": 500,
        }


async def test_who_is_not_admitted_cannot_sign_out(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        with pytest.raises(Refused) as refused:
            await store.gate.sign_out(ANNAS_IP)
        assert refused.value.key == "no_session"


async def test_a_session_ends_when_its_time_is_over_and_says_so_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await admitted(store, seconds=60)
        clock.advance(58)
        store.kernel.count(ANNA, up=1, down=2)
        await store.gate.compare()
        clock.advance(5)
        await store.gate.compare()
        await store.gate.compare()
        events = await store.told()
        assert [event.type for event in events] == ["session.started", "session.ended"]
        body = events[1].body
        assert (body["reason"], body["duration_seconds"]) == ("expired", 60)
        assert body["ended_at"] == "2026-11-23T08:01:00.000000Z"
        assert (body["bytes_up"], body["bytes_down"]) == (1, 2)


async def test_setting_the_clock_ends_nobodys_session(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await admitted(store, seconds=3600)
        for jump in (86_400 * 365, -86_400 * 730):
            clock.jump(jump)
            await store.gate.compare()
            session = store.gate.session_of(ANNA)
            assert session is not None
            assert session.seconds_left(clock.boottime()) == 3600


async def test_killed_between_commit_and_packet_filter_it_admits_after_the_restart(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        kernel.breaks = True
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", ANNAS_IP)
        assert refused.value.key == "filter_failed"
        assert not kernel.open_for(ANNA)
    kernel.breaks = False
    async with running(tmp_path, clock, kernel) as store:
        assert kernel.open_for(ANNA)
        assert [event.type for event in await store.told()] == ["session.started"]


async def test_what_the_packet_filter_did_not_take_is_tried_again(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.kernel.breaks = True
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
        with pytest.raises(Refused):
            await store.gate.admit("request-1", ANNAS_IP)
        store.kernel.breaks = False
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)


async def test_a_request_made_while_the_gate_was_down_is_granted_when_it_is_back(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
    async with running(tmp_path, clock) as store:
        store.kernel.table[ANNAS_IP] = Neighbour(ip=ANNAS_IP, mac=ANNA, answers=True)
        await store.waiting.look()
        await store.waiting.look()
        assert store.kernel.open_for(ANNA)
        assert store.kernel.done == ["admit"]
        assert [event.type for event in await store.told()] == ["session.started"]


async def test_a_granted_request_does_not_open_again_what_was_signed_out(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        await store.gate.sign_out(ANNAS_IP)
        await store.waiting.look()
        assert not store.kernel.open_for(ANNA)
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-1", ANNAS_IP)
        assert refused.value.key == "session_over"


async def test_after_a_restart_the_admitted_are_still_admitted_and_counted(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        session_id = await admitted(store, seconds=3600)
        kernel.count(ANNA, up=100, down=900)
    clock.advance(100)
    async with running(tmp_path, clock, kernel) as store:
        session = store.gate.session_of(ANNA)
        assert session is not None
        assert (session.session_id, session.bytes_down) == (session_id, 900)
        assert kernel.seconds_left(ANNA) == 3500
        assert (await kernel.members() or {})[ANNA].bytes_up == 100


async def test_after_a_power_cut_the_admitted_are_still_admitted(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        await admitted(store, seconds=3600)
        await store.gate.save()
    kernel.flush()
    clock.reboot(off_seconds=120)
    async with running(tmp_path, clock, kernel) as store:
        assert 0 < kernel.seconds_left(ANNA) <= RESTORED_SECONDS
        clock.is_synced = True
        await store.gate.compare()
        assert kernel.seconds_left(ANNA) == 3600 - 120


async def test_a_power_cut_longer_than_the_session_ends_it(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        await admitted(store, seconds=3600)
    kernel.flush()
    clock.reboot(off_seconds=7200)
    async with running(tmp_path, clock, kernel) as store:
        assert kernel.open_for(ANNA)
        clock.is_synced = True
        await store.gate.compare()
        assert not kernel.open_for(ANNA)
        assert (await store.told())[-1].body["reason"] == "expired"


async def test_without_a_right_clock_nobody_gets_more_than_half_an_hour_after_a_boot(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        await admitted(store, seconds=12 * 3600)
    kernel.flush()
    clock.reboot(off_seconds=60)
    async with running(tmp_path, clock, kernel) as store:
        clock.advance(RESTORED_SECONDS + 1)
        await store.gate.compare()
        assert not kernel.open_for(ANNA)
        assert (await store.told())[-1].body["reason"] == "lost_at_reboot"


async def test_a_flushed_packet_filter_is_loaded_again_with_everybody_in_it(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        store.kernel.flush()
        await store.gate.compare()
        assert store.kernel.loaded
        assert store.kernel.open_for(ANNA)


async def test_whom_only_the_listing_left_out_keeps_place_and_count(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        store.kernel.left_out.add(ANNA)
        store.kernel.count(ANNA, up=1, down=2)
        before = list(store.kernel.done)
        await store.gate.compare()
        assert store.kernel.done == before
        member = await store.kernel.member(ANNA)
        assert member is not None
        assert (member.bytes_up, member.bytes_down) == (1, 2)


async def test_who_lost_a_place_in_the_sets_gets_it_back(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        store.kernel.forget_station(ANNA)
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)


async def test_events_copied_before_a_crash_are_told_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await admitted(store)
        events = await store.database.read(gate_store.waiting_events, 10)
        await store.told()
        for event in events:
            await store.database.write(gate_store.await_copy, event)
        assert [event.type for event in await store.told()] == ["session.started"]


async def test_no_event_holds_a_hardware_address(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        await store.gate.sign_out(ANNAS_IP)
        assert all(ANNA not in str(event.body) for event in await store.told())


async def test_hardware_addresses_die_with_their_age(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await admitted(store)
        store.attendance.heard(ANNA)
        await store.attendance.write_joins()
        await store.gate.sign_out(ANNAS_IP)
        clock.advance(301)
        await store.attendance.sweep()
        clock.advance(8 * 86_400)
        await store.gate.purge()
        await store.database.close()
        assert ANNA.encode() not in (tmp_path / "gate" / "gate.db").read_bytes()
