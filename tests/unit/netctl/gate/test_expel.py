"""A station is expelled, and sent away from our own access point where there is one."""

from pathlib import Path

import pytest

from netctl.api import ExpelStation, Mac, Session
from netctl.gate.desk import Desk
from netctl.gate.refused import Refused
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, GatedStore, running


class AccessPoint:
    """Ours, with these stations on it."""

    def __init__(self, *stations: Mac) -> None:
        self.stations = set(stations)

    async def deauthenticate(self, mac: Mac) -> bool:
        if mac not in self.stations:
            return False
        self.stations.remove(mac)
        return True


def desk(store: GatedStore, access_point: AccessPoint) -> Desk:
    return Desk(
        store.gate,
        store.stations,
        store.attendance,
        store.condition,
        store.clock,
        access_point.deauthenticate,
    )


async def admitted(store: GatedStore) -> None:
    store.lease(ANNAS_IP, ANNA)
    await store.ask("request-1")
    await store.gate.admit("request-1", ANNAS_IP)


@pytest.mark.parametrize("ours", [True, False])
async def test_who_is_expelled_is_told_apart_by_whether_our_access_point_could_send_her_away(
    tmp_path: Path, ours: bool
) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        access_point = AccessPoint(ANNA) if ours else AccessPoint()
        ended = await desk(store, access_point).answer(ExpelStation(station=ANNA))
        assert isinstance(ended, Session)
        assert (ended.reason, ended.deauthenticated) == ("expelled", ours)
        assert access_point.stations == set()
        assert not store.kernel.open_for(ANNA)


async def test_expelled_quietly_she_stays_on_the_access_point(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        await admitted(store)
        access_point = AccessPoint(ANNA)
        await desk(store, access_point).answer(ExpelStation(station=ANNA, deauthenticate=False))
        assert access_point.stations == {ANNA}


async def test_a_captive_station_is_sent_away_so_that_its_phone_asks_again(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        access_point = AccessPoint(ANNA)
        with pytest.raises(Refused) as refused:
            await desk(store, access_point).answer(ExpelStation(station=str(ANNAS_IP)))
        assert (refused.value.key, access_point.stations) == ("no_session", set())
        assert "sent it away all the same" in refused.value.hint
