"""Volume, silence and opening hours, as the gate keeps them."""

import sqlite3
from pathlib import Path

import pytest

from netctl.gate.refused import Refused
from netctl.linux.rates import Rates
from tests.clock import FakeClock
from tests.unit.netctl.fake_kernel import FakeKernel
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, BENS_IP, GatedStore, running

MEGABYTE = 1_000_000
# The clock starts at 16:00 in Shanghai on a Monday.
OPEN_TILL_NINE: dict[str, int | str] = {"opening_hours": "Mo-Su 09:00-21:00"}


async def admitted(store: GatedStore, request_id: str = "request-1", method: str = "form") -> None:
    store.lease(ANNAS_IP, ANNA)
    await store.ask(request_id, seconds=12 * 3600, method=method)
    await store.gate.admit(request_id, ANNAS_IP)


async def last_reason(store: GatedStore) -> str:
    return str((await store.told())[-1].body["reason"])


# --- volume ----------------------------------------------------------------------------------------------


async def test_who_has_used_the_volume_of_the_day_is_out_until_tomorrow(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits={"day_megabytes": 10}) as store:
        await admitted(store)
        store.kernel.count(ANNA, up=4 * MEGABYTE, down=5 * MEGABYTE)
        await store.gate.compare()
        session = store.gate.session_of(ANNA)
        assert session is not None
        assert store.gate.seen(session).bytes_left == MEGABYTE
        store.kernel.count(ANNA, up=0, down=MEGABYTE)
        await store.gate.compare()
        assert not store.kernel.open_for(ANNA)
        assert await last_reason(store) == "quota"
        assert store.gate.why(ANNA) == "quota"
        await store.ask("request-2")
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-2", ANNAS_IP)
        assert refused.value.key == "quota"
        with pytest.raises(Refused, match="today is used up"):
            await store.gate.temporary_pass(ANNAS_IP)
        clock.advance(8 * 3600)
        assert store.gate.why(ANNA) == "new"
        await admitted(store, "request-3")


async def test_the_sessions_of_a_day_are_counted_together(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits={"day_megabytes": 10}) as store:
        for number in range(2):
            await admitted(store, f"request-{number}")
            store.kernel.count(ANNA, up=0, down=6 * MEGABYTE)
            await store.gate.compare()
            if number == 0:
                await store.gate.sign_out(ANNAS_IP)
        assert not store.kernel.open_for(ANNA)
        assert await last_reason(store) == "quota"


async def test_a_session_that_goes_on_over_midnight_begins_the_day_with_nothing_used(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits={"day_megabytes": 10, "idle_minutes": 0}) as store:
        await admitted(store)
        store.kernel.count(ANNA, up=0, down=9 * MEGABYTE)
        await store.gate.compare()
        clock.advance(8 * 3600)
        await store.gate.compare()
        store.kernel.count(ANNA, up=0, down=9 * MEGABYTE)
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)
        store.kernel.count(ANNA, up=0, down=MEGABYTE)
        await store.gate.compare()
        assert not store.kernel.open_for(ANNA)


async def test_after_a_crash_what_was_used_today_is_still_known(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    limits: dict[str, int | str] = {"day_megabytes": 10}
    async with running(tmp_path, clock, kernel, limits) as store:
        await admitted(store)
        kernel.count(ANNA, up=0, down=6 * MEGABYTE)
        await store.gate.sign_out(ANNAS_IP)
        await admitted(store, "request-2")
        kernel.count(ANNA, up=0, down=3 * MEGABYTE)
    async with running(tmp_path, clock, kernel, limits) as store:
        session = store.gate.session_of(ANNA)
        assert session is not None
        assert store.gate.seen(session).bytes_left == MEGABYTE


async def test_a_disk_that_takes_nothing_keeps_nobody_admitted_whose_volume_is_used(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, FakeClock(), limits={"day_megabytes": 10}) as store:
        await admitted(store)
        store.kernel.count(ANNA, up=0, down=10 * MEGABYTE)
        await store.database.read(lambda c: c.execute("PRAGMA query_only = ON"))
        for _ in range(2):
            with pytest.raises(sqlite3.Error):
                await store.gate.compare()
            assert not store.kernel.open_for(ANNA)
        await store.database.read(lambda c: c.execute("PRAGMA query_only = OFF"))
        await store.gate.compare()
        assert await last_reason(store) == "quota"


# --- silence ---------------------------------------------------------------------------------------------


async def test_who_sends_nothing_for_long_enough_is_out(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits={"idle_minutes": 30}) as store:
        await admitted(store)
        clock.advance(29 * 60)
        store.kernel.count(ANNA, up=1, down=0)
        await store.gate.compare()
        clock.advance(29 * 60)
        store.kernel.count(ANNA, up=0, down=1000)
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)
        clock.advance(60)
        await store.gate.compare()
        assert not store.kernel.open_for(ANNA)
        assert await last_reason(store) == "idle"
        assert store.gate.why(ANNA) == "idle"


async def test_a_restart_makes_nobody_silent(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    limits: dict[str, int | str] = {"idle_minutes": 30}
    async with running(tmp_path, clock, kernel, limits) as store:
        await admitted(store)
    clock.advance(29 * 60)
    async with running(tmp_path, clock, kernel, limits) as store:
        clock.advance(2 * 60)
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)


# --- opening hours ---------------------------------------------------------------------------------------


async def test_sessions_end_when_the_store_closes_even_with_every_process_dead(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits=OPEN_TILL_NINE | {"idle_minutes": 0}) as store:
        await admitted(store)
        assert store.kernel.seconds_left(ANNA) == 5 * 3600
        clock.advance(5 * 3600)
        assert not store.kernel.open_for(ANNA)
        await store.gate.compare()
        ended = (await store.told())[-1].body
        assert (ended["reason"], ended["duration_seconds"]) == ("closed", 5 * 3600)
        assert ended["ended_at"] == "2026-11-23T13:00:00.000000Z"
        assert store.gate.why(ANNA) == "closed"


async def test_while_the_store_is_closed_guests_are_refused_and_staff_are_not(tmp_path: Path) -> None:
    clock = FakeClock()
    clock.advance(6 * 3600)
    async with running(tmp_path, clock, limits=OPEN_TILL_NINE) as store:
        with pytest.raises(Refused) as refused:
            await admitted(store)
        assert refused.value.key == "closed"
        with pytest.raises(Refused) as refused:
            await store.gate.temporary_pass(ANNAS_IP)
        assert refused.value.key == "closed"
        await admitted(store, "request-2", method="staff_code")
        assert store.kernel.seconds_left(ANNA) == 12 * 3600
        clock.advance(12 * 3600 - 1)
        await store.gate.compare()


async def test_a_clock_that_is_not_right_closes_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel, OPEN_TILL_NINE) as store:
        await admitted(store)
        await store.gate.save()
    kernel.flush()
    clock.reboot(off_seconds=60)
    clock.jump(-14 * 3600)
    async with running(tmp_path, clock, kernel, OPEN_TILL_NINE) as store:
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)
        clock.jump(14 * 3600)
        clock.is_synced = True
        await store.gate.compare()
        assert store.kernel.seconds_left(ANNA) == 5 * 3600 - 60


async def test_a_store_that_closed_while_the_box_was_off_is_closed_once_the_clock_is_right(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel, OPEN_TILL_NINE) as store:
        await admitted(store)
    kernel.flush()
    clock.reboot(off_seconds=6 * 3600)
    async with running(tmp_path, clock, kernel, OPEN_TILL_NINE) as store:
        assert store.kernel.open_for(ANNA)
        clock.is_synced = True
        await store.gate.compare()
        assert not store.kernel.open_for(ANNA)
        assert await last_reason(store) == "closed"


async def test_closing_time_ends_all_sessions_in_one_go(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits=OPEN_TILL_NINE | {"idle_minutes": 0}) as store:
        await admitted(store)
        store.lease(BENS_IP, BEN)
        await store.ask("request-2", ip=BENS_IP, seconds=12 * 3600)
        await store.gate.admit("request-2", BENS_IP)
        clock.advance(5 * 3600)
        store.kernel.done.clear()
        await store.gate.compare()
        assert store.gate.sessions() == []
        assert store.kernel.done == ["expel"]


# --- rates -----------------------------------------------------------------------------------------------


async def test_each_guest_has_the_rate_of_the_settings(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits={"down_kbit": 8000, "up_kbit": 2000}) as store:
        await admitted(store)
        await store.gate.shape()
        assert store.kernel.rates == {ANNA: Rates(down_kbit=8000, up_kbit=2000)}


async def test_without_limits_nothing_is_shaped(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        await store.gate.shape()
        assert (store.kernel.rates, store.kernel.totals) == ({}, Rates())


async def test_with_a_total_everybody_has_a_share_of_it(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits={"total_down_kbit": 50_000}) as store:
        await admitted(store)
        await store.gate.shape()
        assert store.kernel.rates == {ANNA: Rates()}
        assert store.kernel.totals == Rates(down_kbit=50_000)
