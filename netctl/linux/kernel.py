"""What the gate wants of the kernel, in few verbs; blocking calls run in threads of their own.

One for the packet filter, four for walks through the connections (two families, admitted and expelled), one
for the neighbour table, one for listing the sets, which takes 0.07 s with 10,000 members, one for rates: none
holds up an admission.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv6Network
from typing import Protocol, TypeVar

from pyroute2.netlink.exceptions import NetlinkError

from netctl.api import Ip, Mac
from netctl.gate.sessions import Admit, Member
from netctl.linux.conntrack import Connections, SharedWalks
from netctl.linux.elements import Pair
from netctl.linux.neighbours import Neighbour, NeighbourNews, Neighbours
from netctl.linux.nft import PacketFilter
from netctl.linux.rates import Rates
from netctl.linux.shaper import Shaper
from sync.config import Config
from sync.process import ProcessFailed

log = logging.getLogger(__name__)

T = TypeVar("T")
_IP = (4, 6)


class Kernel(Protocol):
    """Tests pass their own."""

    async def load(
        self, stations: Sequence[Admit], leased: Sequence[Pair], blocked: Sequence[Mac]
    ) -> None: ...
    async def admit(self, stations: Sequence[Admit], forget: Sequence[Ip]) -> None: ...
    async def expel(self, macs: Sequence[Mac], forget: Sequence[Ip]) -> None: ...
    async def members(self) -> dict[Mac, Member] | None: ...
    async def member(self, mac: Mac) -> Member | None: ...
    async def lease(self, pairs: Sequence[Pair]) -> None: ...
    async def block(self, macs: Sequence[Mac]) -> None: ...
    async def answer_names_ourselves(self, on: bool) -> None: ...
    async def prefixes(self, networks: Sequence[IPv6Network]) -> None: ...
    async def shape(self, wanted: Mapping[Mac, Rates], totals: Rates) -> None: ...
    async def neighbours(self) -> list[Neighbour]: ...
    async def neighbour_at(self, ip: Ip) -> Neighbour | None: ...
    async def ask(self, stations: Sequence[tuple[Ip, Mac]]) -> None: ...
    def watch(
        self,
        heard: Callable[[Neighbour], None],
        missed: Callable[[], None],
        heard_on: Callable[[Mac, int], None],
    ) -> None: ...


class LinuxKernel:
    """The real one, of this network namespace. Make it with `open`; it needs the LAN bridge to be there."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._filter_thread = ThreadPoolExecutor(1, thread_name_prefix="filter")
        # Listing ten thousand takes a while: no admission waits behind it.
        self._listing_thread = ThreadPoolExecutor(1, thread_name_prefix="listing")
        self._neighbour_thread = ThreadPoolExecutor(1, thread_name_prefix="neighbours")
        self._connection_threads = {
            (version, redirected): ThreadPoolExecutor(1, thread_name_prefix=f"connections-{version}")
            for version in _IP
            for redirected in (True, False)
        }
        self._connections: list[Connections] = []
        self._walks: dict[tuple[int, bool], SharedWalks] = {}
        self._shaping_thread = ThreadPoolExecutor(1, thread_name_prefix="shaping")
        self._news: NeighbourNews | None = None

    async def open(self) -> None:
        """Raises ProcessFailed with what is missing and its remedy."""
        self._filter = await self._in_filter(partial(PacketFilter, self._config))
        self._listing = await self._in_listing(partial(PacketFilter, self._config))
        for key, thread in self._connection_threads.items():
            version, redirected = key
            connections = await self._in_filter(partial(Connections, version, redirected=redirected))
            self._connections.append(connections)
            self._walks[key] = SharedWalks(connections.forget, thread)
        self._shaper = await self._in_shaping(partial(Shaper, self._config))
        try:
            self._neighbours = await self._among_neighbours(partial(Neighbours, self._config.network.bridge))
        except LookupError as error:
            raise ProcessFailed(f"network.bridge: {error}") from error

    async def close(self) -> None:
        if self._news is not None:
            self._news.close()
        for connections in self._connections:
            await self._in_filter(connections.close)
        await self._among_neighbours(self._neighbours.close)
        await self._in_shaping(self._shaper.close)
        await self._in_filter(self._filter.close)
        await self._in_listing(self._listing.close)
        threads = (
            self._filter_thread,
            self._listing_thread,
            self._neighbour_thread,
            self._shaping_thread,
        )
        for thread in (*threads, *self._connection_threads.values()):
            thread.shutdown()

    async def load(self, stations: Sequence[Admit], leased: Sequence[Pair], blocked: Sequence[Mac]) -> None:
        """Puts the whole ruleset in force with these stations admitted or blocked, in one transaction."""
        await self._in_filter(partial(self._filter.load, stations, leased, blocked))

    async def admit(self, stations: Sequence[Admit], forget: Sequence[Ip]) -> None:
        """Opens both directions, then forgets the connections of these addresses that were redirected."""
        await self._in_filter(partial(self._filter.admit, stations))
        await self._forget(forget, redirected=True)

    async def expel(self, macs: Sequence[Mac], forget: Sequence[Ip]) -> None:
        """Closes both directions, then forgets the connections of these addresses."""
        await self._in_filter(partial(self._filter.expel, macs))
        await self._forget(forget, redirected=False)

    async def members(self) -> dict[Mac, Member] | None:
        """Who is in the sets; None when our tables are gone."""
        return await self._in_listing(self._listing.members)

    async def member(self, mac: Mac) -> Member | None:
        """This station as it is in the sets."""
        return await self._in_filter(partial(self._filter.member, mac))

    async def lease(self, pairs: Sequence[Pair]) -> None:
        """All the pairs there are: which station holds which address."""
        await self._in_filter(partial(self._filter.lease, pairs))

    async def block(self, macs: Sequence[Mac]) -> None:
        """All who are blocked."""
        await self._in_filter(partial(self._filter.block, macs))

    async def answer_names_ourselves(self, on: bool) -> None:
        """Whether captive stations are answered by our own small answerer: no real resolver answers."""
        await self._in_filter(partial(self._filter.answer_names_ourselves, on))

    async def prefixes(self, networks: Sequence[IPv6Network]) -> None:
        """All the networks of the uplink's provider that stations have addresses of."""
        await self._in_filter(partial(self._filter.prefixes, networks))

    async def shape(self, wanted: Mapping[Mac, Rates], totals: Rates) -> None:
        """Who is limited to what, and all together. Raises ShaperFailed."""
        await self._in_shaping(partial(self._shaper.apply, wanted, totals))

    async def neighbours(self) -> list[Neighbour]:
        return await self._among_neighbours(self._neighbours.all)

    async def neighbour_at(self, ip: Ip) -> Neighbour | None:
        return await self._among_neighbours(partial(self._neighbours.at, ip))

    async def ask(self, stations: Sequence[tuple[Ip, Mac]]) -> None:
        """Each is asked whether it is there; the answers come through `watch`."""
        # A few at a time, so that a look-up for an admission fits in between.
        for at in range(0, len(stations), 10):
            await self._among_neighbours(partial(self._neighbours.ask, stations[at : at + 10]))

    def watch(
        self,
        heard: Callable[[Neighbour], None],
        missed: Callable[[], None],
        heard_on: Callable[[Mac, int], None],
    ) -> None:
        """`heard` for each change of the neighbour table, `missed` when some could not be told, `heard_on`
        for the port of the bridge that a station is on."""
        self._news = NeighbourNews(self._neighbours.index, heard, missed, heard_on)

    async def _forget(self, addresses: Sequence[Ip], *, redirected: bool) -> None:
        """Both families at once: each is a walk through the kernel's whole table."""
        walks = []
        for version in _IP:
            # What link-local addresses open never goes further than us.
            some = {ip.packed for ip in addresses if ip.version == version and not ip.is_link_local}
            if some:
                walks.append(self._walks[version, redirected].forget(some))
        for outcome in await asyncio.gather(*walks, return_exceptions=True):
            if isinstance(outcome, NetlinkError | OSError):
                # The gate is open all the same; a kept connection stays where it was until it ends.
                log.warning("connections were not forgotten (%s): is nf_conntrack_netlink loaded?", outcome)
            elif isinstance(outcome, BaseException):
                raise outcome

    async def _in_filter(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._filter_thread, call)

    async def _in_listing(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._listing_thread, call)

    async def _in_shaping(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._shaping_thread, call)

    async def _among_neighbours(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._neighbour_thread, call)
