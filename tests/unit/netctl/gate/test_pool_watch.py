"""The addresses run out: the silent are asked, lose their leases, and the owner is told."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from netctl.api import Ip, Mac, parse_mac
from netctl.gate.pool_watch import NOTICE, PoolWatch
from netctl.lan.access_point import Pool
from netctl.lan.leases import LeaseFile
from netctl.linux.elements import Pair
from netctl.linux.neighbours import Neighbour
from sync.records import notices
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import (
    ABSENT_AFTER_SECONDS,
    ANNA,
    ANNAS_IP,
    BEN,
    BENS_IP,
    GatedStore,
    running,
)

POOL = Pool.of(IPv4Interface("10.77.0.1/24"))


class Shop:
    """A gate with few addresses, whose dnsmasq takes back what it is given."""

    def __init__(self, store: GatedStore) -> None:
        self.store = store
        self.leases: dict[Ip, Mac] = {}
        self.given_back: list[Pair] = []
        self.watch = PoolWatch(
            POOL,
            ABSENT_AFTER_SECONDS,
            store.gate,
            store.kernel,
            LeaseFile(store.lease_file),
            self._take_back,
            store.records,
            store.clock,
        )

    def lease(self, leases: dict[Ip, Mac]) -> None:
        self.leases |= leases
        self._write()

    def invent(self, count: int = 230) -> None:
        """So many stations that are not there take an address each."""
        first = int(POOL.last) - count
        self.lease({IPv4Address(first + n): parse_mac(f"02:aa:00:00:00:{n:02x}") for n in range(count)})

    def _take_back(self, some: Sequence[Pair]) -> None:
        self.given_back += some
        for _, address in some:
            self.leases.pop(address, None)
        self._write()

    def _write(self) -> None:
        text = "".join(f"1795426988 {mac} {ip} * *\n" for ip, mac in self.leases.items())
        self.store.lease_file.write_text(text)

    async def seconds(self, count: int) -> None:
        """Time goes by, second by second."""
        for _ in range(count):
            await self.watch.look()
            self.store.clock.advance(1)

    def answer(self, ip: Ip, mac: Mac) -> None:
        self.watch.heard(Neighbour(ip=ip, mac=mac, answers=True))

    async def notices(self) -> list[tuple[str, str]]:
        return [(each.key, each.detail) for each in await self.store.records.read(notices.open_notices)]


async def test_who_makes_stations_up_loses_their_addresses_and_the_owner_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        shop = Shop(store)
        await shop.seconds(1)
        shop.invent()
        await shop.seconds(1)
        assert await shop.notices() == [(NOTICE, "230 of 245")]
        await shop.seconds(20)
        assert len(shop.leases) <= POOL.capacity / 2
        assert await shop.notices() == []


async def test_while_there_is_room_nobody_is_asked_and_nobody_loses_anything(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        shop = Shop(store)
        await shop.seconds(1)
        shop.invent(count=180)
        await shop.seconds(20)
        assert (shop.given_back, store.kernel.asked) == ([], [])


async def test_who_answers_and_who_is_admitted_keep_their_addresses(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        shop = Shop(store)
        await shop.seconds(1)
        store.lease(ANNAS_IP, ANNA)
        store.kernel.table.clear()  # she is admitted, and her phone sleeps
        await store.ask("request-1")
        await store.gate.admit("request-1", ANNAS_IP)
        shop.lease({ANNAS_IP: ANNA, BENS_IP: BEN})
        shop.invent()
        await shop.seconds(2)
        shop.answer(BENS_IP, BEN)
        await shop.seconds(20)
        assert shop.given_back
        assert {ANNAS_IP, BENS_IP} <= shop.leases.keys()


async def test_an_answer_that_was_not_told_is_found_in_the_kernel(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        shop = Shop(store)
        await shop.seconds(1)
        shop.lease({BENS_IP: BEN})
        shop.invent()
        store.kernel.table[BENS_IP] = Neighbour(ip=BENS_IP, mac=BEN, answers=True)
        await shop.seconds(20)
        assert shop.given_back
        assert BENS_IP in shop.leases


async def test_after_a_restart_of_the_gate_those_here_have_the_time_of_the_absent(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        shop = Shop(store)
        shop.invent()
        await shop.seconds(ABSENT_AFTER_SECONDS)
        assert not shop.given_back
        await shop.seconds(20)
        assert shop.given_back
