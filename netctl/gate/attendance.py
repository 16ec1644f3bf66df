"""Who is on the WiFi right now: opens and closes stays, keeps the book of joins and leaves, tells it to who
watches."""

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from netctl.api import Ip, Mac, Presence, StepKind
from netctl.gate import presence_store as store
from netctl.gate.database import GateDatabase
from netctl.gate.presences import Leave, Stay, is_over, leave, leave_before_boot, new_station_code
from netctl.gate.store import Stamp
from netctl.gate.trace import noted
from netctl.gate.turns import in_turns
from sync.model import Clock, new_id

log = logging.getLogger(__name__)

_LINES_AT_ONCE = 500
_SAVED_AT_ONCE = 100


class Attendance:
    """The stays that go on. `heard` is told of each sign of life, `sweep` closes the stays of the silent;
    `leased_to` names the addresses that a station holds of ours."""

    def __init__(
        self,
        database: GateDatabase,
        clock: Clock,
        absent_after_seconds: int,
        leased_to: Callable[[Mac], Sequence[Ip]],
    ) -> None:
        self._leased_to = leased_to
        self._database = database
        self._clock = clock
        self._absent_after_seconds = absent_after_seconds
        self._stays: dict[Mac, Stay] = {}
        self._unwritten: dict[Mac, Stay] = {}
        self._codes: set[str] = set()
        # Whoever sweeps writes the joins first: two writers at once would write one twice.
        self._writing = asyncio.Lock()
        self.came = asyncio.Event()
        self._told = asyncio.Event()

    async def open(self) -> None:
        """Takes up the stays of this boot; those of an earlier one ended with it."""
        for stay, boot_id, seen_at in await self._database.read(store.open_stays):
            if boot_id == self._clock.boot_id:
                self._stays[stay.mac] = stay
                self._codes.add(stay.station_code)
            else:
                await self._database.write(store.part, leave_before_boot(stay, seen_at))

    # --- signs of life -----------------------------------------------------------------------------------

    def heard(self, mac: Mac) -> Stay:
        """The station has just proved to be there; if it was not, it has joined."""
        boottime = self._clock.boottime()
        known = self._stays.get(mac)
        if known is not None:
            self._stays[mac] = replace(known, seen=boottime)
            return self._stays[mac]
        steps = noted((), "joined", self._clock.now())
        # Who comes back within the time of its lease is given none anew.
        for ip in self._leased_to(mac):
            steps = noted(steps, "lease", self._clock.now(), str(ip))
        stay = Stay(
            visit_id=new_id(),
            mac=mac,
            station_code=new_station_code(self._codes, secrets.choice),
            joined_at=self._clock.now(),
            joined=boottime,
            seen=boottime,
            steps=steps,
        )
        self._stays[mac] = self._unwritten[mac] = stay
        self._codes.add(stay.station_code)
        self.came.set()
        return stay

    def note(self, mac: Mac, kind: StepKind, detail: str = "", count: int = 1) -> None:
        """Something happened to a station that is here; to one that is not, nothing does."""
        stay = self._stays.get(mac)
        if stay is not None:
            self._stays[mac] = replace(stay, steps=noted(stay.steps, kind, self._clock.now(), detail, count))

    async def write_joins(self) -> None:
        """Writes down who came; `came` is set when there is somebody."""
        async with self._writing:
            while self._unwritten:
                some = list(self._unwritten)[:_SAVED_AT_ONCE]
                # As they are by now: what they did since they came goes along.
                stays = [self._stays.get(mac, self._unwritten[mac]) for mac in some]
                await self._database.write(store.join_all, stays, Stamp.of(self._clock))
                for mac in some:
                    del self._unwritten[mac]
                self._tell()

    async def sweep(self) -> None:
        """Closes the stays of those not heard for too long."""
        boottime, now = self._clock.boottime(), self._clock.now()
        async for mac in in_turns(list(self._stays)):
            stay = self._stays[mac]
            if mac not in self._unwritten and is_over(stay, boottime, self._absent_after_seconds):
                # Out first: who is heard while this is written has joined anew.
                del self._stays[mac]
                await self._close(leave(stay, boottime, now))

    async def save(self) -> None:
        """Writes down when each was last heard, and what it did."""
        stays = list(self._stays.values())
        # A few at a time: an admission's commit fits in between.
        for at in range(0, len(stays), _SAVED_AT_ONCE):
            await self._database.write(
                store.save_stays, stays[at : at + _SAVED_AT_ONCE], Stamp.of(self._clock)
            )

    # --- questions ---------------------------------------------------------------------------------------

    def stay_of(self, mac: Mac) -> Stay | None:
        return self._stays.get(mac)

    def stays(self) -> list[Stay]:
        return list(self._stays.values())

    async def presences(self, after: int) -> AsyncIterator[Presence]:
        """Joins and leaves behind `after`, first those kept, then as they happen. Never ends."""
        while True:
            # Taken before reading: what is told meanwhile wakes us at once.
            told = self._told
            lines = await self._database.read(store.presences_after, after, _LINES_AT_ONCE)
            for presence in lines:
                yield presence
                after = presence.seq
            if not lines:
                await told.wait()

    async def _close(self, over: Leave) -> None:
        try:
            await self._database.write(store.part, over)
        except sqlite3.Error:
            self._stays.setdefault(over.stay.mac, over.stay)
            raise
        self._codes.discard(over.stay.station_code)
        self._tell()

    def _tell(self) -> None:
        self._told.set()
        self._told = asyncio.Event()
