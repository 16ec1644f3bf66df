"""Listens to the guests' LAN: leases, addresses, and which networks it consists of."""

import asyncio
import logging
from collections.abc import Callable

from netctl.lan.leases import LeaseFile
from netctl.legal.addresses import Addresses
from netctl.legal.bindings import bound
from netctl.legal.connections import Lan
from netctl.legal.kernel_news import lan_now
from netctl.legal.record import Record
from netctl.linux.neighbours import Neighbour, NeighbourNews, Neighbours
from sync.model import Clock

log = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0
_AGAIN_SECONDS = 12 * 3600.0


class LanWatch:
    """`tell` is called with records as they come about, `moved` with the LAN as it is now."""

    def __init__(
        self,
        bridge: str,
        leases: LeaseFile,
        clock: Clock,
        tell: Callable[[list[Record]], None],
        moved: Callable[[Lan], None],
    ) -> None:
        self._bridge, self._leases, self._clock = bridge, leases, clock
        self._tell, self._moved = tell, moved
        self.addresses = Addresses()
        self._news: NeighbourNews | None = None
        self._index = 0
        self._look_at = 0.0
        self._unknown = False
        self._again_at = clock.boottime() + _AGAIN_SECONDS

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(1)
        finally:
            self._hush()

    async def look(self) -> None:
        """What has changed since the last look."""
        boottime = self._clock.boottime()
        if self._unknown:
            self._unknown = False
            await self._look_at_bindings()
        if boottime >= self._look_at:
            self._look_at = boottime + _LOOK_SECONDS
            await self._look_at_kernel()
        try:
            self._tell(self.addresses.lease(self._leases.read(), int(boottime * 1000)))
        except OSError as error:
            log.warning("the leases cannot be read: %s", error)
        if boottime >= self._again_at:
            self._again_at = boottime + _AGAIN_SECONDS
            self._tell(self.addresses.again(int(boottime * 1000)))

    def meet(self, address: str) -> None:
        """Somebody has sent from this address: if it is not known whose it is, that is looked up."""
        self._unknown = self._unknown or not self.addresses.knows(address)

    async def _look_at_bindings(self) -> None:
        try:
            self._hear(await asyncio.to_thread(bound))
        except ValueError as error:
            log.warning("%s", error)

    async def _look_at_kernel(self) -> None:
        try:
            self._moved(await asyncio.to_thread(lan_now, self._bridge))
            index, known = await asyncio.to_thread(_neighbours, self._bridge)
        except (LookupError, OSError) as reason:
            log.info("the guests' LAN is not there yet: %s", reason)
            return
        if self._news is None or index != self._index:
            self._hush()
            self._index = index
            # On which port a station is heard is the gate's business.
            self._news = NeighbourNews(index, self._hear_one, self._miss, lambda _mac, _port: None)
        self._hear(known)

    def _hear(self, neighbours: list[Neighbour]) -> None:
        self._tell(self.addresses.hear(neighbours, int(self._clock.boottime() * 1000)))

    def _hear_one(self, neighbour: Neighbour) -> None:
        self._hear([neighbour])

    def _miss(self) -> None:
        self._look_at = 0.0

    def _hush(self) -> None:
        if self._news is not None:
            self._news.close()
            self._news = None


def _neighbours(bridge: str) -> tuple[int, list[Neighbour]]:
    neighbours = Neighbours(bridge)
    try:
        return neighbours.index, neighbours.all()
    finally:
        neighbours.close()
