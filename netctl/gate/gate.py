"""The gate: sessions are the wish, the kernel is the truth; here the one is made to follow the other."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from netctl.api import DeviceKind, EndReason, Ip, JournalLine, Mac, Session, Why, parse_ip
from netctl.gate import journal, store
from netctl.gate.beginnings import Beginnings, session_over
from netctl.gate.database import GateDatabase
from netctl.gate.device_store import KnownDevice
from netctl.gate.devices import KnownDevices
from netctl.gate.endings import Endings
from netctl.gate.enforcement import Enforcement
from netctl.gate.ledger import Ledger
from netctl.gate.limits import GuestLimits, bytes_left
from netctl.gate.refused import Refused
from netctl.gate.roaming import RoamingCodes
from netctl.gate.sessions import LiveSession, counted, restored
from netctl.gate.station_locks import StationLocks
from netctl.gate.stations import Stations, UnknownStation
from netctl.gate.store import Stamp
from netctl.gate.trace import Note
from netctl.gate.wishes import Wishes
from netctl.linux.kernel import Kernel
from sync.model import Clock, Event
from sync.records import admission, grant_links, grants, outbox
from sync.records.admission import AdmissionRequest
from sync.records.connect import Records, RecordsUnavailable
from sync.records.grant_links import Followed

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
"""Ended sessions and presences, with their MACs, die after this."""

_EVENTS_AT_ONCE = 100
_SAVED_AT_ONCE = 100


class Gate:
    """Admits and ends sessions, and keeps the kernel's sets as the sessions say. `note` is told what becomes
    of each station, `pass_over` whose temporary pass ran out."""

    def __init__(
        self,
        kernel: Kernel,
        stations: Stations,
        database: GateDatabase,
        records: Records,
        clock: Clock,
        limits: GuestLimits,
        codes: RoamingCodes,
        note: Note,
        pass_over: Callable[[Mac], None] = lambda _: None,
    ) -> None:
        self._stations = stations
        self._database = database
        self._records = records
        self._clock = clock
        self._codes = codes
        self._note = note
        self._locks = locks = StationLocks()
        self.limits = limits
        self.ledger = ledger = Ledger(database, limits, clock)
        self.devices = devices = KnownDevices(database, clock)
        self._wishes = wishes = Wishes(stations, devices, ledger, limits, clock)
        self._enforcement = enforcement = Enforcement(kernel, stations, devices, wishes, locks, clock)
        self._endings = endings = Endings(
            enforcement, wishes, ledger, database, locks, clock, note, pass_over
        )
        self._beginnings = Beginnings(enforcement, endings, wishes, ledger, database, codes, clock, note)

    async def open(self) -> None:
        """Takes up the sessions where they were left, and puts the ruleset in force with them in it.

        Raises ProcessFailed when the kernel cannot do what the ruleset needs.
        """
        clock = self._clock
        boottime, now, synced = clock.boottime(), clock.now(), clock.synced()
        await self.ledger.load()
        await self.devices.load()
        written = await self._database.read(store.live_sessions)
        members = await self._enforcement.left_by_an_earlier_gate()
        for each in written:
            session = restored(each, clock.boot_id, boottime, now, synced)
            self._wishes.live[session.mac] = counted(session, members.get(session.mac))
        await self._wishes.look_at_the_clock()
        await self._enforcement.load()
        for mac in self._wishes.live:
            self._wishes.limit(mac)
        try:
            await self._endings.end_those_over()
        except sqlite3.Error as error:
            log.error("sessions cannot be written down, they are tried again: %s", error)
        log.info("%d sessions taken up", len(self._wishes.live))

    # --- what is asked -----------------------------------------------------------------------------------

    async def admit(self, request_id: str, ip: Ip) -> Session:
        """Opens the gate for the station at `ip`. Raises Refused."""
        request = await self._admission_request(request_id, ip)
        if request is None:
            return await self._admitted_before(request_id, ip)
        return await self.grant(request, ip)

    async def grant(self, request: AdmissionRequest, ip: Ip) -> Session:
        """Opens the gate as this request says. Raises Refused."""
        mac = await self.whose(ip)
        followed = await self._followed(request)
        async with self._locks.of(mac):
            session = await self._beginnings.on_request(request, mac, followed)
            await self._open_for(session)
        return self.seen(session)

    async def temporary_pass(self, ip: Ip) -> Session:
        """A few slow minutes. A session that lives is answered as it is. Raises Refused."""
        mac = await self.whose(ip)
        async with self._locks.of(mac):
            session = await self._beginnings.temporary_pass(mac)
            if session is None:
                return self.seen(self._wishes.live[mac])
            await self._open_for(session)
        return self.seen(session)

    async def sign_out(self, ip: Ip) -> Session:
        """Ends the session of the station at `ip`. Raises Refused."""
        return await self.expel(await self.whose(ip), "signed_out")

    async def expel(self, mac: Mac, reason: EndReason = "expelled") -> Session:
        """Ends the session of this station. Raises Refused."""
        async with self._locks.of(mac):
            if mac not in self._wishes.live:
                raise Refused("no_session", "That station is not admitted.", "There is nothing to end.")
            return await self._endings.end(await self._enforcement.count(self._wishes.live[mac]), reason)

    async def set_device(self, mac: Mac, kind: DeviceKind, name: str) -> KnownDevice:
        """Allows or blocks this device from now on; who is blocked is out at once. Raises TooMany."""
        device = await self.devices.put(mac, kind, name)
        await self._follow_owner(mac)
        return device

    async def forget_device(self, device_id: str) -> KnownDevice:
        """A station like any other again. Raises Refused."""
        device = await self.devices.forget(device_id)
        if device is None:
            raise Refused("unknown_device", "There is no such device on the list.")
        await self._follow_owner(device.mac)
        return device

    def session_of(self, mac: Mac) -> LiveSession | None:
        """The session that admits this station right now."""
        return self._wishes.session_of(mac)

    def sessions(self) -> list[LiveSession]:
        return list(self._wishes.live.values())

    def why(self, mac: Mac) -> Why:
        """In the words of `Why`: why this station is captive, or not."""
        return self._wishes.why(mac)

    def seen(self, session: LiveSession) -> Session:
        """The session as those outside see it."""
        used = self.ledger.used_bytes(session, self.ledger.today())
        seen = session.seen_from_outside(self._clock.boottime(), bytes_left(session, used, self.limits))
        return replace(seen, roaming_code=self._codes.shown(session))

    async def whose(self, ip: Ip) -> Mac:
        """The station at this address. Raises Refused."""
        try:
            return await self._stations.whose(ip)
        except UnknownStation as reason:
            hint = "Leave the WiFi and join it again."
            raise Refused("unknown_station", str(reason), hint) from reason

    def journal(self, after: int) -> AsyncIterator[JournalLine]:
        """What became of each session behind `after`, first what is kept, then as it happens. Never ends."""
        return journal.watch(self._database, after)

    # --- the loop's parts --------------------------------------------------------------------------------

    async def compare(self) -> list[Mac]:
        """Wish and truth are compared, the truth corrected. Returns who has sent since last time."""
        members = await self._enforcement.members()
        await self._wishes.look_at_the_clock()
        senders = await self._wishes.read_counters(members)
        await self._endings.end_those_over()
        await self._enforcement.correct(members)
        return senders

    async def copy_events(self) -> None:
        """Hands what happened over to the records: again after a crash, by event_id, so it is there once."""
        while events := await self._database.read(store.waiting_events, _EVENTS_AT_ONCE):
            await self._records.write(_append_all, events)
            await self._database.write(store.forget_events, [event.event_id for event in events])

    async def save(self) -> None:
        """Writes down how much is left of each session: from here a reboot goes on."""
        stamp = Stamp.of(self._clock)
        sessions = list(self._wishes.live.values())
        # A few at a time: an admission's commit fits in between.
        for at in range(0, len(sessions), _SAVED_AT_ONCE):
            await self._database.write(store.save_sessions, sessions[at : at + _SAVED_AT_ONCE], stamp)

    async def purge(self) -> None:
        before = self._clock.now() - KEPT_FOR
        await self._database.write(store.purge, before)
        if self._clock.synced():
            await self._database.write(store.forget_requests, before)
        await self.ledger.load()

    @property
    def rates_changed(self) -> asyncio.Event:
        """Set when the shaper has something to hear."""
        return self._wishes.rates_changed

    async def shape(self) -> None:
        """Tells the shaper who is limited to what."""
        await self._enforcement.shape(self.limits.totals)

    def seconds_to_next_end(self) -> float:
        """Until the first session is over; infinite when there is none."""
        boottime = self._clock.boottime()
        return min((session.ends - boottime for session in self._wishes.live.values()), default=float("inf"))

    # --- one admission -----------------------------------------------------------------------------------

    async def _admission_request(self, request_id: str, ip: Ip) -> AdmissionRequest | None:
        try:
            request = await self._records.read(admission.find, request_id, self._clock)
            if request is None:
                request = await self._records.read(grants.find, request_id, self._clock)
        except RecordsUnavailable as error:
            raise Refused("records_unavailable", str(error), "Ask again in a few seconds.") from error
        if request is not None and parse_ip(request.ip) != ip:
            raise Refused("not_yours", f"That request was made from another address than {ip}.")
        return request

    async def _followed(self, request: AdmissionRequest) -> Followed | None:
        """The follow that this request stands for; None: it stands for none. Raises Refused."""
        if request.method != grant_links.METHOD:
            return None
        try:
            return await self._records.read(grant_links.followed, request.request_id)
        except RecordsUnavailable as error:
            raise Refused("records_unavailable", str(error), "Ask again in a few seconds.") from error

    async def _admitted_before(self, request_id: str, ip: Ip) -> Session:
        """A request too old to be read; it may have been granted before, to whoever asks or to another."""
        session_id = await self._database.read(store.session_of_request, request_id)
        for mac, session in list(self._wishes.live.items()):
            if session.session_id == session_id:
                if mac != await self.whose(ip):
                    raise Refused("not_yours", f"That request let in another station than {ip}'s.")
                return self.seen(session)
        if session_id is None:
            hint = "A request is good for five minutes: fill in the form again."
            raise Refused("no_such_request", "There is no such request, or it is too old.", hint)
        raise session_over()

    async def _open_for(self, session: LiveSession) -> None:
        await self._enforcement.admit(session)
        self._note(session.mac, "admitted", session.method)

    async def _follow_owner(self, mac: Mac) -> None:
        async with self._locks.of(mac):
            session = self._wishes.live.get(mac)
            if self.devices.kind_of(mac) == "blocked" and session is not None:
                await self._endings.end(await self._enforcement.count(session), "blocked")
            await self._enforcement.follow_owner(mac)


def _append_all(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    for event in events:
        outbox.append(connection, event)
