"""A kernel for tests: two sets whose members expire by the test's clock, and a neighbour table."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Network
from math import ceil

from netctl.api import Ip, Mac
from netctl.gate.sessions import Admit, Member
from netctl.linux.elements import Pair
from netctl.linux.neighbours import Neighbour
from netctl.linux.nft import FilterFailed
from netctl.linux.rates import Rates
from tests.clock import FakeClock


class FakeKernel:
    """Survives the gate: give the same one to the next gate and it is as after `kill -9`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.loaded = False
        self.breaks = False
        self.left_out: set[Mac] = set()
        self._sets: dict[Mac, tuple[float, int, int]] = {}
        self.table: dict[Ip, Neighbour] = {}
        self.forgotten: list[Ip] = []
        self.asked: list[tuple[Ip, Mac]] = []
        self.done: list[str] = []
        self.leased: set[Pair] = set()
        self.blocked: set[Mac] = set()
        self.names_ourselves = False
        self.rates: dict[Mac, Rates] = {}
        self.totals = Rates()

    # --- what tests do and ask ---------------------------------------------------------------------------

    def open_for(self, mac: Mac) -> bool:
        """Does the kernel let this station through right now?"""
        return self._seconds(mac) > 0

    def seconds_left(self, mac: Mac) -> int:
        return self._seconds(mac)

    def count(self, mac: Mac, up: int, down: int) -> None:
        """Traffic of an admitted station."""
        expires, bytes_up, bytes_down = self._sets[mac]
        self._sets[mac] = (expires, bytes_up + up, bytes_down + down)

    def flush(self) -> None:
        """Somebody ran `nft flush ruleset`, or the machine was switched off."""
        self.loaded = False
        self._sets.clear()
        self.leased.clear()
        self.blocked.clear()

    def forget_station(self, mac: Mac) -> None:
        self._sets.pop(mac)

    # --- what the gate does ------------------------------------------------------------------------------

    async def load(self, stations: Sequence[Admit], leased: Sequence[Pair], blocked: Sequence[Mac]) -> None:
        self.loaded = True
        self.leased, self.blocked = set(leased), set(blocked)
        self._sets.clear()
        self._put(stations)

    async def admit(self, stations: Sequence[Admit], forget: Sequence[Ip]) -> None:
        self._must_work()
        self.done.append("admit")
        self._put(stations)
        self.forgotten += forget

    async def expel(self, macs: Sequence[Mac], forget: Sequence[Ip]) -> None:
        self._must_work()
        self.done.append("expel")
        for mac in macs:
            self._sets.pop(mac, None)
        self.forgotten += forget

    async def members(self) -> dict[Mac, Member] | None:
        if not self.loaded:
            return None
        return {mac: member for mac, member in self._members().items() if mac not in self.left_out}

    def _members(self) -> dict[Mac, Member]:
        return {
            mac: Member(
                mac=mac,
                seconds_up=self._seconds(mac),
                seconds_down=self._seconds(mac),
                bytes_up=bytes_up,
                bytes_down=bytes_down,
            )
            for mac, (_, bytes_up, bytes_down) in self._sets.items()
            if self._seconds(mac) > 0
        }

    async def member(self, mac: Mac) -> Member | None:
        return self._members().get(mac)

    async def lease(self, pairs: Sequence[Pair]) -> None:
        self._must_work()
        self.leased = set(pairs)

    async def block(self, macs: Sequence[Mac]) -> None:
        self._must_work()
        self.blocked = set(macs)

    async def answer_names_ourselves(self, on: bool) -> None:
        self._must_work()
        self.names_ourselves = on

    async def prefixes(self, networks: Sequence[IPv6Network]) -> None:
        self.networks = list(networks)

    async def shape(self, wanted: Mapping[Mac, Rates], totals: Rates) -> None:
        self.rates, self.totals = dict(wanted), totals

    async def neighbours(self) -> list[Neighbour]:
        return list(self.table.values())

    async def neighbour_at(self, ip: Ip) -> Neighbour | None:
        return self.table.get(ip)

    async def ask(self, stations: Sequence[tuple[Ip, Mac]]) -> None:
        self.asked += stations

    def watch(
        self,
        heard: Callable[[Neighbour], None],
        missed: Callable[[], None],
        heard_on: Callable[[Mac, int], None],
    ) -> None:
        self.tell = heard

    def _must_work(self) -> None:
        if self.breaks or not self.loaded:
            raise FilterFailed("Error: Could not process rule: No such file or directory")

    def _put(self, stations: Sequence[Admit]) -> None:
        for station in stations:
            until = self._clock.boottime() + station.seconds
            self._sets[station.mac] = (until, station.bytes_up, station.bytes_down)

    def _seconds(self, mac: Mac) -> int:
        return max(0, ceil(self._sets[mac][0] - self._clock.boottime())) if mac in self._sets else 0
