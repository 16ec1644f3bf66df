"""Two devices under one hardware address are noticed, and nobody is shut out for it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netctl.gate.twin_watch import NOTICE, TwinWatch
from netctl.gate.twins import MOST_CHANGES, Twins
from sync.records import notices
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, GatedStore, running


def test_two_that_throw_each_other_off_associate_again_and_again() -> None:
    twins = Twins()
    heard = [twins.associated(ANNA, float(second)) for second in range(MOST_CHANGES + 1)]
    assert heard == [False] * MOST_CHANGES + [True]
    assert not twins.associated(BEN, 3.0)


@given(st.integers(10, 3600))
def test_a_phone_that_comes_back_now_and_then_is_one_phone(pause: int) -> None:
    twins = Twins()
    assert not any(twins.associated(ANNA, float(turn * pause)) for turn in range(50))


def test_a_phone_on_its_way_between_access_points_is_one_phone_and_two_far_apart_are_not() -> None:
    twins = Twins()
    assert not any(twins.heard_on(ANNA, 1 + turn % 2, turn * 15.0) for turn in range(20))
    twins = Twins()
    assert any(twins.heard_on(ANNA, 1 + turn % 2, turn * 0.5) for turn in range(20))
    twins = Twins()
    assert not any(twins.heard_on(ANNA, 1, turn * 0.1) for turn in range(100))


async def admitted(store: GatedStore) -> TwinWatch:
    store.lease(ANNAS_IP, ANNA)
    await store.ask("request-1")
    await store.gate.admit("request-1", ANNAS_IP)
    store.attendance.heard(ANNA)
    return TwinWatch(store.gate, store.attendance, store.records, store.clock)


async def keys(store: GatedStore) -> list[tuple[str, str]]:
    return [(notice.key, notice.detail) for notice in await store.records.read(notices.open_notices)]


async def test_the_owner_is_told_which_station_it_is_and_the_guest_stays_admitted(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        watch = await admitted(store)
        await watch.look()
        assert await keys(store) == []
        for turn in range(MOST_CHANGES + 2):
            watch.heard_on(ANNA, turn % 2)
        await watch.look()
        stay = store.attendance.stay_of(ANNA)
        assert stay is not None
        assert (stay.steps[-1].step, stay.steps[-1].detail) == ("cloned", "jumps between ports")
        assert await keys(store) == [(NOTICE, stay.station_code)]
        assert store.kernel.open_for(ANNA)


async def test_when_the_twins_have_left_the_notice_goes(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        watch = await admitted(store)
        for _ in range(MOST_CHANGES + 1):
            watch.associated(ANNA)
        assert watch.found.is_set()
        await watch.look()
        assert len(await keys(store)) == 1
        await store.attendance.write_joins()
        store.clock.advance(301)
        await store.attendance.sweep()
        await watch.look()
        assert await keys(store) == []


async def test_who_is_captive_gains_nothing_and_raises_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        watch = await admitted(store)
        store.attendance.heard(BEN)
        for turn in range(20):
            watch.heard_on(BEN, turn % 2)
        await watch.look()
        assert await keys(store) == []
