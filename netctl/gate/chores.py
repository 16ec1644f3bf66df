"""What the gate does again and again, each thing at its own pace and none in the way of another."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Network

from pyroute2.netlink.exceptions import NetlinkError

from netctl.gate.attendance import Attendance
from netctl.gate.desk import Condition
from netctl.gate.gate import Gate
from netctl.gate.stations import Stations
from netctl.gate.waiting import WaitingRequests
from netctl.lan import access_point
from netctl.linux import links
from netctl.linux.kernel import Kernel
from netctl.linux.nft import FilterFailed
from netctl.linux.rates import ShaperFailed
from sync.config import Config
from sync.process import ProcessFailed
from sync.records.connect import RecordsUnavailable

log = logging.getLogger(__name__)

COMPARE_SECONDS = 5.0
SAVE_SECONDS = 60.0
PURGE_SECONDS = 3600.0
RENDER_SECONDS = 30.0
LEASES_SECONDS = 1.0
PREFIXES_SECONDS = 2.0
EXPECTED = (
    sqlite3.Error,
    RecordsUnavailable,
    FilterFailed,
    ShaperFailed,
    NetlinkError,
    ProcessFailed,
    OSError,
)
"""What may go wrong on the way and be right at the next try."""

# By then the kernel has asked everyone three times (neigh/*/ucast_solicit): the silent are silent.
_ANSWERED_SECONDS = 5.0
# The counters go with the member when its time is over: look just before.
_BEFORE_END_SECONDS = 0.2
_SHORTEST_PAUSE_SECONDS = 0.05
_HEARD_AT_ONCE = 100
_MANY_AT_ONCE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """One thing, done every `pause()` seconds and at once when `wake` is set; `name` stands in problems."""

    name: str
    act: Callable[[], Awaitable[None]]
    pause: Callable[[], float]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    first_after_seconds: float = 0.0


class Chores:
    """The gate's, as long as it runs. `woken` has the sessions looked at now."""

    def __init__(
        self,
        config: Config,
        kernel: Kernel,
        gate: Gate,
        waiting: WaitingRequests,
        stations: Stations,
        attendance: Attendance,
        condition: Condition,
        woken: asyncio.Event,
    ) -> None:
        self._config = config
        self._kernel = kernel
        self._prefixes: list[IPv6Network] = []
        self._gate = gate
        self._waiting = waiting
        self._stations = stations
        self._attendance = attendance
        self._condition = condition
        self._woken = woken
        self.leases_written = asyncio.Event()

    def all(self) -> list[Chore]:
        asked = self._config.network.ask_presence_seconds
        attendance, every = self._attendance, _every
        return [
            Chore(name="sessions", act=self._look, pause=self._until_next_look, wake=self._woken),
            Chore(name="rates", act=self._shape, pause=every(60), wake=self._gate.rates_changed),
            Chore(name="joins", act=attendance.write_joins, pause=every(3600), wake=attendance.came),
            Chore(
                name="leases",
                act=self._stations.look_for_new_leases,
                pause=every(LEASES_SECONDS),
                wake=self.leases_written,
            ),
            Chore(name="presence", act=self._ask_present, pause=every(asked)),
            Chore(name="leaves", act=self._sweep, pause=every(1), first_after_seconds=_ANSWERED_SECONDS),
            Chore(name="events", act=self._gate.copy_events, pause=every(1)),
            Chore(name="saving", act=self.save, pause=every(SAVE_SECONDS)),
            Chore(name="ages", act=self._gate.purge, pause=every(PURGE_SECONDS)),
            Chore(name="prefixes", act=self._learn_prefixes, pause=every(PREFIXES_SECONDS)),
            Chore(
                name="access point",
                act=self.render,
                pause=every(RENDER_SECONDS),
                first_after_seconds=RENDER_SECONDS,
            ),
        ]

    async def save(self) -> None:
        """From what is written here a restart goes on."""
        await self._gate.save()
        await self._attendance.save()

    async def _shape(self) -> None:
        # A moment late, so that many are told at once: each time the shaper looks at everybody.
        await asyncio.sleep(_MANY_AT_ONCE_SECONDS)
        await self._gate.shape()

    async def _look(self) -> None:
        await self._waiting.look()
        for number, mac in enumerate(await self._gate.compare()):
            if self._stations.has_lease(mac):
                self._attendance.heard(mac)
            if number % _HEARD_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._condition.compared()

    def _until_next_look(self) -> float:
        next_end = self._gate.seconds_to_next_end() - _BEFORE_END_SECONDS
        return max(_SHORTEST_PAUSE_SECONDS, min(COMPARE_SECONDS, next_end))

    async def _ask_present(self) -> None:
        await self._stations.ask([stay.mac for stay in self._attendance.stays()])

    async def _sweep(self) -> None:
        await self._attendance.write_joins()
        await self._attendance.sweep()

    async def render(self) -> None:
        """What hostapd and dnsmasq are told; once before the gate says that it is ready, too."""
        has_ipv6 = await asyncio.to_thread(links.uplink_has_ipv6, self._config)
        access_point.write(self._config, has_ipv6)

    async def _learn_prefixes(self) -> None:
        """Phones use a delegated prefix at once: until the packet filter knows it they are strangers."""
        prefixes = await asyncio.to_thread(links.lan_prefixes6, self._config)
        if prefixes != self._prefixes:
            await self._kernel.prefixes(prefixes)
            self._prefixes = prefixes


def _every(seconds: float) -> Callable[[], float]:
    return lambda: seconds


async def again_and_again(chore: Chore, condition: Condition) -> None:
    """Never ends. A chore that fails is tried again; `condition` says that it failed, until it does not."""
    await asyncio.sleep(chore.first_after_seconds)
    while True:
        chore.wake.clear()
        try:
            await chore.act()
            condition.problems.pop(chore.name, None)
        except EXPECTED as error:
            if chore.name not in condition.problems:
                log.error("%s: %s", chore.name, error)
            condition.problems[chore.name] = f"{chore.name}: {error}"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chore.pause()):
                await chore.wake.wait()
