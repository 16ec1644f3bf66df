"""Who is here: joins, leaves, and what a crash or a power cut does to them."""

import asyncio
from datetime import timedelta
from pathlib import Path

from netctl.api import Presence, parse_ip, parse_mac
from netctl.gate.presence_store import presences_after
from netctl.gate.presences import new_station_code
from netctl.gate.store import purge
from netctl.linux.neighbours import Neighbour
from tests.clock import FakeClock
from tests.unit.netctl.fake_kernel import FakeKernel
from tests.unit.netctl.gated_store import (
    ABSENT_AFTER_SECONDS,
    ANNA,
    ANNAS_IP,
    BEN,
    BENS_IP,
    GatedStore,
    running,
)


async def book(store: GatedStore) -> list[Presence]:
    return await store.database.read(presences_after, 0, 100)


async def join(store: GatedStore) -> None:
    store.attendance.heard(ANNA)
    await store.attendance.write_joins()


async def test_a_station_that_is_heard_has_joined_once(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await join(store)
        await join(store)
        assert [line.kind for line in await book(store)] == ["joined"]


async def test_made_up_stations_fill_no_disk_with_their_comings_and_goings(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        for number in range(30):
            store.attendance.heard(parse_mac(f"02:00:00:00:00:{number:02x}"))
        await store.attendance.write_joins()
        last = (await book(store))[-1]
        await store.database.write(purge, store.clock.now() - timedelta(days=7), 10)
        left = await book(store)
        assert len(left) == 10
        assert left[-1] == last


async def test_two_chores_that_write_joins_at_once_write_each_once(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.attendance.heard(ANNA)
        await asyncio.gather(store.attendance.write_joins(), store.attendance.write_joins())
        assert [line.kind for line in await book(store)] == ["joined"]


async def test_it_left_when_it_was_last_heard_not_when_that_was_noticed(tmp_path: Path) -> None:
    clock = FakeClock()
    start = clock.now()
    async with running(tmp_path, clock) as store:
        await join(store)
        clock.advance(1200)
        store.attendance.heard(ANNA)
        clock.advance(ABSENT_AFTER_SECONDS - 1)
        await store.attendance.sweep()
        assert len(await book(store)) == 1
        clock.advance(1)
        await store.attendance.sweep()
        left = (await book(store))[-1]
        assert (left.kind, left.joined_at, left.left_at) == ("left", start, start + timedelta(seconds=1200))


async def test_who_comes_back_later_makes_another_visit(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await join(store)
        clock.advance(ABSENT_AFTER_SECONDS)
        await store.attendance.sweep()
        await join(store)
        first, _, second = await book(store)
        assert first.visit_id != second.visit_id


async def test_a_visit_is_joined_to_the_session_it_saw(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        store.lease(ANNAS_IP, ANNA)
        await join(store)
        clock.advance(10)
        await store.ask("request-1", lead="lead-1")
        session = await store.gate.admit("request-1", ANNAS_IP)
        await store.gate.sign_out(ANNAS_IP)
        clock.advance(ABSENT_AFTER_SECONDS)
        await store.attendance.sweep()
        joined, left = await book(store)
        assert (joined.session_id, left.session_id, left.lead_id) == (None, session.session_id, "lead-1")


async def test_a_clock_put_right_during_the_visit_moves_it_and_keeps_its_length(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        clock.jump(-86_400)
        await join(store)
        clock.advance(600)
        clock.jump(86_400)
        store.attendance.heard(ANNA)
        clock.advance(ABSENT_AFTER_SECONDS)
        await store.attendance.sweep()
        left = (await book(store))[-1]
        assert left.left_at is not None
        assert left.left_at - left.joined_at == timedelta(seconds=600)
        assert left.left_at == clock.now() - timedelta(seconds=ABSENT_AFTER_SECONDS)


async def test_a_visit_goes_on_over_a_restart_of_the_gate(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await join(store)
    clock.advance(ABSENT_AFTER_SECONDS + 60)
    async with running(tmp_path, clock) as store:
        store.attendance.heard(ANNA)
        await store.attendance.sweep()
        assert [line.kind for line in await book(store)] == ["joined"]


async def test_a_power_cut_ends_the_visit_when_the_station_was_last_known_to_be_there(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await join(store)
        clock.advance(600)
        store.attendance.heard(ANNA)
        await store.attendance.save()
        seen_at = clock.now()
        clock.advance(30)
    clock.reboot(off_seconds=300)
    async with running(tmp_path, clock) as store:
        assert store.attendance.stays() == []
        left = (await book(store))[-1]
        assert (left.kind, left.left_at) == ("left", seen_at)


async def test_only_who_holds_a_lease_is_a_station(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        store.lease(ANNAS_IP, ANNA)
        kernel.table[BENS_IP] = kernel.table[ANNAS_IP].__class__(ip=BENS_IP, mac=BEN, answers=True)
        await store.stations.refresh()
        assert [stay.mac for stay in store.attendance.stays()] == [ANNA]
        assert kernel.asked == [(ANNAS_IP, ANNA)]


async def test_who_takes_a_lease_has_joined(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await store.stations.refresh()
        store.lease(ANNAS_IP, ANNA)
        await store.stations.look_for_new_leases()
        assert [stay.mac for stay in store.attendance.stays()] == [ANNA]


def test_a_station_code_is_four_letters_that_nobody_else_has() -> None:
    letters = iter("BBBBBBBC")
    code = new_station_code({"BBBB"}, lambda _: next(letters))
    assert code == "BBBC"


async def test_a_stations_addresses_follow_what_the_kernel_hears(tmp_path: Path) -> None:
    ipv6 = parse_ip("fd77:79b6:1::11")
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        store.stations.note(Neighbour(ip=ipv6, mac=ANNA, answers=True))
        assert store.stations.addresses(ANNA) == [ANNAS_IP, ipv6]
        store.stations.note(Neighbour(ip=ipv6, mac=BEN, answers=True))
        assert store.stations.addresses(ANNA) == [ANNAS_IP]
        assert store.stations.addresses(BEN) == [ipv6]
        store.stations.note(Neighbour(ip=ipv6, mac=None, answers=False))
        assert store.stations.addresses(BEN) == []
