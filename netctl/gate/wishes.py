"""The sessions that live: who is to be admitted, for how long, how fast, and why not any longer.

The gate writes each change down first; here nothing is asked of kernel or disk.
"""

import asyncio
from dataclasses import replace
from math import inf

from netctl.api import EndReason, Mac, Why
from netctl.gate.day_use import session_on_day
from netctl.gate.devices import ALLOWED, KnownDevices
from netctl.gate.ledger import Ledger
from netctl.gate.limits import TEMPORARY_PASS, GuestLimits, why_ending
from netctl.gate.refused import Refused
from netctl.gate.sessions import LiveSession, Member, corrected, counted
from netctl.gate.stations import Stations
from netctl.gate.store import Stamp
from netctl.gate.turns import in_turns
from netctl.gate.why import why
from netctl.linux.rates import Rates
from sync.model import Clock, new_id


class Wishes:
    """`live`: the session of each station that has one; the gate puts them in and takes them out. `rates`:
    who is limited to what."""

    def __init__(
        self, stations: Stations, devices: KnownDevices, ledger: Ledger, limits: GuestLimits, clock: Clock
    ) -> None:
        self._stations = stations
        self._devices = devices
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self.live: dict[Mac, LiveSession] = {}
        self.rates: dict[Mac, Rates] = {}
        self.rates_changed = asyncio.Event()

    def session_of(self, mac: Mac) -> LiveSession | None:
        """The session that admits this station right now."""
        session = self.live.get(mac)
        return session if session and session.seconds_left(self._clock.boottime()) > 0 else None

    def why(self, mac: Mac) -> Why:
        """In the words of `Why`: why this station is captive, or not."""
        closed = self._limits.seconds_open(self._clock.now(), self._clock.synced()) == 0
        return why(
            self._devices.kind_of(mac),
            self.session_of(mac),
            closed=closed,
            used_up=self._ledger.is_used_up(mac),
            last_end=self._ledger.last_end(mac),
        )

    def why_over(self, session: LiveSession, today: str) -> EndReason | None:
        used = self._ledger.used_bytes(session, today)
        return why_ending(session, used, self._limits, self._clock.boottime())

    def closing(self) -> float:
        """When the store closes, by CLOCK_BOOTTIME; infinite: not that we know."""
        return self._clock.boottime() + self._limits.seconds_open(self._clock.now(), self._clock.synced())

    def within_hours(self, session: LiveSession, closing: float) -> LiveSession:
        closes = closing if self._limits.is_for_guests(session.method) else inf
        # A second more or less is rounding, and no reason to touch ten thousand sessions.
        if session.closes == closes or abs(session.closes - closes) <= 1:
            return session
        return replace(session, closes=closes)

    def new_session(
        self, mac: Mac, method: str, lead_id: str | None, seconds: int, stamp: Stamp
    ) -> LiveSession:
        session = LiveSession(
            session_id=new_id(),
            mac=mac,
            lead_id=lead_id,
            method=method,
            started_at=stamp.at,
            seconds_granted=seconds,
            expires=stamp.boottime + seconds,
            active=stamp.boottime,
            day=self._ledger.today(),
        )
        return self.within_hours(session, self.closing())

    def new_pass(self, mac: Mac, stamp: Stamp) -> LiveSession:
        fresh = self.new_session(mac, TEMPORARY_PASS, None, self._limits.pass_seconds, stamp)
        return replace(fresh, bytes_limit=self._limits.pass_bytes)

    def refusal(self, mac: Mac, method: str) -> Refused | None:
        """Why this station is not admitted now: blocked, closed, or its volume of the day used up."""
        if self._devices.kind_of(mac) == "blocked":
            return Refused("blocked", "This device is blocked here.", "Please ask the staff.")
        if self._limits.is_for_guests(method) and self.closing() <= self._clock.boottime():
            return Refused("closed", "The store is closed.", "The WiFi opens with the store.")
        if self._ledger.is_used_up(mac):
            return Refused("quota", "The volume of today is used up.", "Come back tomorrow.")
        return None

    def limit(self, mac: Mac) -> None:
        """How fast this station may be from now on; with a total everybody has a share of it."""
        before, session = self.rates.pop(mac, None), self.live.get(mac)
        if session is not None and self._devices.kind_of(mac) != ALLOWED:
            rates = self._limits.rates_of(session.method)
            if rates != Rates() or self._limits.totals != Rates():
                self.rates[mac] = rates
        if self.rates.get(mac) != before:
            self.rates_changed.set()

    def wished(self) -> list[LiveSession]:
        """Who is to be admitted: the allowed ones while they hold an address, whatever their session says."""
        allowed = [wish for wish in self._devices.wished() if self._stations.has_lease(wish.mac)]
        return [*self.live.values(), *allowed]

    async def look_at_the_clock(self) -> None:
        """What the time of day means for each session: what it is owed, its day, when the store closes."""
        synced, today, closing = self._clock.synced(), self._ledger.today(), self.closing()
        async for mac, _ in in_turns(list(self.live.items())):
            session = self.live.get(mac)
            if session is None:
                continue
            if synced:
                session = corrected(session, self._clock.boottime(), self._clock.now())
            self.live[mac] = self.within_hours(session_on_day(session, today), closing)

    async def read_counters(self, members: dict[Mac, Member]) -> list[Mac]:
        senders = []
        async for mac, member in in_turns(list(members.items())):
            session = self.live.get(mac)
            if session is None:
                if member.bytes_up and self._devices.kind_of(mac) == ALLOWED:
                    senders.append(mac)
                continue
            fresh = counted(session, member, self._clock.boottime())
            if fresh.bytes_up > session.bytes_up:
                senders.append(mac)
            self.live[mac] = fresh
        return senders
