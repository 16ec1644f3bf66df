"""A temporary pass that ran out: the phone is made to ask again, unless its owner has gone on."""

import asyncio
from pathlib import Path

from netctl.api import Mac
from netctl.gate.pass_over import PassOver, is_looking
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, BENS_IP, running


async def test_only_who_still_waits_after_the_grace_is_thrown_off() -> None:
    thrown_off: asyncio.Queue[Mac] = asyncio.Queue()
    asked: list[Mac] = []

    async def deauthenticate(mac: Mac) -> bool:
        thrown_off.put_nowait(mac)
        return True

    def waits(mac: Mac) -> bool:
        asked.append(mac)
        return mac == BEN

    pass_over = PassOver(deauthenticate, waits, grace_seconds=0)
    pass_over(ANNA)
    pass_over(BEN)
    assert await thrown_off.get() == BEN
    assert asked == [ANNA, BEN]
    assert thrown_off.empty()


async def test_a_pass_that_ran_out_is_told_and_an_admission_or_a_sign_out_is_not(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits={"pass_minutes": 5}) as store:
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        await store.gate.temporary_pass(ANNAS_IP)
        await store.gate.temporary_pass(BENS_IP)
        await store.gate.sign_out(BENS_IP)
        assert store.passes_over == []
        store.clock.advance(301)
        await store.gate.compare()
        assert store.passes_over == [ANNA]
        await store.ask("request-1", seconds=60)
        await store.gate.admit("request-1", ANNAS_IP)
        store.clock.advance(61)
        await store.gate.compare()
        assert store.gate.session_of(ANNA) is None
        assert store.passes_over == [ANNA]


async def test_who_has_our_page_before_her_is_not_asked_anew(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        assert not is_looking(store.attendance.stay_of(ANNA), clock.now())
        store.attendance.heard(ANNA)
        store.attendance.note(ANNA, "check", "Apple")
        assert not is_looking(store.attendance.stay_of(ANNA), clock.now())
        store.attendance.note(ANNA, "portal", "follow page")
        clock.advance(59)
        assert is_looking(store.attendance.stay_of(ANNA), clock.now())
        clock.advance(2)
        assert not is_looking(store.attendance.stay_of(ANNA), clock.now())
        # The page looks again by itself.
        store.attendance.note(ANNA, "portal", "follow page")
        assert is_looking(store.attendance.stay_of(ANNA), clock.now())
