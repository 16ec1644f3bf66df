"""The owner's word on single devices."""

import json
from pathlib import Path

import pytest

from netctl.gate.refused import Refused
from tests.clock import FakeClock
from tests.unit.netctl.fake_kernel import FakeKernel
from tests.unit.netctl.gate.test_server import listening
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BEN, BENS_IP, GatedStore, running

CLOSED: dict[str, int | str] = {"opening_hours": "Mo-Su 09:00-10:00"}


async def admitted(store: GatedStore) -> None:
    store.lease(ANNAS_IP, ANNA)
    await store.ask("request-1")
    await store.gate.admit("request-1", ANNAS_IP)


async def test_the_till_is_admitted_without_a_form_and_outside_opening_hours(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock, limits=CLOSED) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.gate.set_device(ANNA, "allowed", "the till")
        assert store.kernel.open_for(ANNA)
        assert store.gate.why(ANNA) == "allowed"
        for _ in range(4):
            clock.advance(10 * 3600)
            await store.gate.compare()
            assert store.kernel.open_for(ANNA)
        assert await store.told() == []


async def test_the_till_is_admitted_as_soon_as_it_has_an_address_and_after_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        await store.gate.set_device(ANNA, "allowed", "the till")
        assert not store.kernel.open_for(ANNA)
        store.lease(ANNAS_IP, ANNA)
        await store.gate.compare()
        assert store.kernel.open_for(ANNA)
    kernel.flush()
    async with running(tmp_path, clock, kernel) as store:
        assert store.kernel.open_for(ANNA)


async def test_an_allowed_device_whose_session_ends_stays_admitted(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        await store.gate.set_device(ANNA, "allowed", "the till")
        await store.gate.sign_out(ANNAS_IP)
        assert store.kernel.open_for(ANNA)


async def test_an_allowed_device_that_is_forgotten_is_captive_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        device = await store.gate.set_device(ANNA, "allowed", "the till")
        await store.gate.forget_device(device.device_id)
        assert not store.kernel.open_for(ANNA)
        assert store.gate.why(ANNA) == "new"


async def test_a_device_forgotten_while_its_guest_is_admitted_keeps_the_session(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        device = await store.gate.set_device(ANNA, "allowed", "the till")
        await store.gate.forget_device(device.device_id)
        assert store.kernel.seconds_left(ANNA) == 3600


async def test_who_is_blocked_while_admitted_is_out_at_once_and_stays_out(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        await admitted(store)
        await store.gate.set_device(ANNA, "blocked", "a nuisance")
        assert not store.kernel.open_for(ANNA)
        assert store.kernel.blocked == {ANNA}
        assert (await store.told())[-1].body["reason"] == "blocked"
        assert store.gate.why(ANNA) == "blocked"
        await store.ask("request-2")
        with pytest.raises(Refused) as refused:
            await store.gate.admit("request-2", ANNAS_IP)
        assert refused.value.key == "blocked"
        with pytest.raises(Refused) as refused:
            await store.gate.temporary_pass(ANNAS_IP)
        assert refused.value.key == "blocked"
    kernel.flush()
    async with running(tmp_path, clock, kernel) as store:
        assert store.kernel.blocked == {ANNA}
        (device,) = store.gate.devices.all()
        await store.gate.forget_device(device.device_id)
        assert store.kernel.blocked == set()
        assert store.gate.why(ANNA) == "new"


async def test_a_device_named_twice_is_one_device_with_the_last_word(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        first = await store.gate.set_device(ANNA, "allowed", "the till")
        clock.advance(1)
        again = await store.gate.set_device(ANNA, "blocked", "an old\ntill " + "x" * 100)
        assert again.device_id == first.device_id
        (device,) = store.gate.devices.all()
        assert (device.kind, len(device.name), "\n" in device.name) == ("blocked", 60, False)


async def test_the_owners_page_works_with_station_codes_and_sees_no_hardware_address(tmp_path: Path) -> None:
    async with listening(tmp_path) as (store, client):
        store.lease(ANNAS_IP, ANNA)
        store.lease(BENS_IP, BEN)
        code = (await client.station(ANNAS_IP)).station_code
        device = await client.set_device(code, "allowed", "the till")
        assert (device.kind, device.name, device.station_code) == ("allowed", "the till", code)
        station = await client.station(ANNAS_IP)
        assert (station.captive, station.session, station.why) == (False, None, "allowed")
        blocked = await client.set_device(BEN, "blocked", "a nuisance")
        assert blocked.station_code is None
        assert [each.name for each in await client.devices()] == ["the till", "a nuisance"]
        assert (await client.forget_device(device.device_id)).name == "the till"
        assert (await client.station(ANNAS_IP)).captive
        shown = json.dumps([str(await client.devices()), str(await client.stations())])
        assert ANNA not in shown
        assert BEN not in shown
