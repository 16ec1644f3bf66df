"""Temporary passes: a few slow minutes, so many a day, and nothing by a second tap."""

from pathlib import Path

import pytest

from netctl.gate.refused import Refused
from netctl.linux.rates import Rates
from tests.clock import FakeClock
from tests.unit.netctl.fake_kernel import FakeKernel
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, BENS_IP, GatedStore, running

LIMITS: dict[str, int | str] = {"pass_minutes": 5, "passes_a_day": 2, "pass_megabytes": 1}


async def passed(store: GatedStore) -> str:
    store.lease(ANNAS_IP, ANNA)
    return (await store.gate.temporary_pass(ANNAS_IP)).session_id


async def over(store: GatedStore) -> None:
    store.clock.advance(301)
    await store.gate.compare()


async def test_a_pass_is_a_few_slow_minutes_without_a_lead(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits=LIMITS) as store:
        store.lease(ANNAS_IP, ANNA)
        session = await store.gate.temporary_pass(ANNAS_IP)
        assert (session.method, session.lead_id, session.seconds_left) == ("temporary_pass", None, 300)
        assert session.bytes_left == 1_000_000
        assert store.kernel.seconds_left(ANNA) == 300
        await store.gate.shape()
        assert store.kernel.rates == {ANNA: Rates(down_kbit=1024, up_kbit=256)}


async def test_a_second_tap_is_the_same_pass_and_counts_once(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits=LIMITS) as store:
        first = await passed(store)
        store.clock.advance(60)
        again = await store.gate.temporary_pass(ANNAS_IP)
        assert (again.session_id, again.seconds_left) == (first, 240)
        assert store.gate.ledger.passes_left(ANNA) == 1
        assert [event.type for event in await store.told()] == ["session.started"]


async def test_a_pass_ends_at_its_second_and_the_station_is_captive_again(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits=LIMITS) as store:
        await passed(store)
        store.clock.advance(299)
        assert store.kernel.open_for(ANNA)
        store.clock.advance(1)
        assert not store.kernel.open_for(ANNA)
        await store.gate.compare()
        assert store.gate.why(ANNA) == "pass_over"
        await store.gate.shape()
        assert store.kernel.rates == {}


async def test_after_the_last_pass_of_the_day_there_is_none_until_tomorrow(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits=LIMITS) as store:
        for _ in range(2):
            await passed(store)
            await over(store)
        with pytest.raises(Refused) as refused:
            await store.gate.temporary_pass(ANNAS_IP)
        assert refused.value.key == "pass_used_up"
        store.lease(BENS_IP, BEN)
        assert (await store.gate.temporary_pass(BENS_IP)).seconds_left == 300
        # 08:10 UTC is 16:10 in Shanghai: her day ends at 16:00 UTC.
        clock.advance(7 * 3600)
        assert store.gate.ledger.passes_left(ANNA) == 0
        clock.advance(3600)
        assert store.gate.ledger.passes_left(ANNA) == 2
        await passed(store)


async def test_a_pass_has_a_volume_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits=LIMITS) as store:
        await passed(store)
        store.kernel.count(ANNA, up=400_000, down=600_000)
        await store.gate.compare()
        assert not store.kernel.open_for(ANNA)
        assert (await store.told())[-1].body["reason"] == "quota"
        assert store.gate.why(ANNA) == "pass_over"


async def test_who_lives_in_a_session_spends_no_pass(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits=LIMITS) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
        session = await store.gate.admit("request-1", ANNAS_IP)
        assert (await store.gate.temporary_pass(ANNAS_IP)).session_id == session.session_id
        assert store.gate.ledger.passes_left(ANNA) == 2


async def test_who_registers_during_a_pass_goes_on_at_full_speed_without_its_volume(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits=LIMITS) as store:
        first = await passed(store)
        store.kernel.count(ANNA, up=100_000, down=800_000)
        await store.ask("request-1", seconds=3600)
        session = await store.gate.admit("request-1", ANNAS_IP)
        assert (session.session_id, session.method, session.lead_id) == (first, "form", "lead-1")
        assert (session.seconds_left, session.bytes_left, session.bytes_down) == (3600, None, 800_000)
        await store.gate.shape()
        assert store.kernel.rates == {}
        store.kernel.count(ANNA, up=0, down=900_000)
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)


async def test_a_gate_restarted_in_the_middle_of_a_pass_gives_and_takes_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel, LIMITS) as store:
        first = await passed(store)
        kernel.count(ANNA, up=10, down=20)
        clock.advance(100)
    async with running(tmp_path, clock, kernel, LIMITS) as store:
        store.lease(ANNAS_IP, ANNA)
        again = await store.gate.temporary_pass(ANNAS_IP)
        assert (again.session_id, again.seconds_left, again.bytes_left) == (first, 200, 999_970)
        assert store.gate.ledger.passes_left(ANNA) == 1


async def test_without_passes_none_is_given(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits={"passes_a_day": 0}) as store:
        store.lease(ANNAS_IP, ANNA)
        with pytest.raises(Refused) as refused:
            await store.gate.temporary_pass(ANNAS_IP)
        assert refused.value.key == "pass_used_up"


async def test_passes_taken_before_the_clock_is_right_count_for_the_day_it_turns_out_to_be(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    clock.is_synced = False
    clock.jump(-40 * 86_400)
    async with running(tmp_path, clock, limits=LIMITS) as store:
        await passed(store)
        await over(store)
        clock.jump(40 * 86_400)
        clock.is_synced = True
        assert store.gate.ledger.passes_left(ANNA) == 1
