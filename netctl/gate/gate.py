"""The gate: sessions are the wish, the kernel is the truth; here the one is made to follow the other."""

import asyncio
import logging
import sqlite3
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address
from typing import TypeVar

from netctl.api import DeviceKind, EndReason, Ip, JournalLine, Mac, Session, StepKind, Why, parse_ip
from netctl.gate import journal, store
from netctl.gate.database import GateDatabase
from netctl.gate.day_use import after_pass, session_on_day
from netctl.gate.device_store import KnownDevice
from netctl.gate.devices import ALLOWED, KnownDevices
from netctl.gate.ledger import Ledger
from netctl.gate.limits import TEMPORARY_PASS, GuestLimits, bytes_left
from netctl.gate.refused import Refused
from netctl.gate.roaming import RoamingCodes
from netctl.gate.sessions import (
    Admit,
    Expel,
    LiveSession,
    Member,
    Step,
    admitting,
    counted,
    ended,
    ended_body,
    extended,
    restored,
    started_body,
    step_for,
)
from netctl.gate.stations import Stations, UnknownStation
from netctl.gate.store import Ending, Stamp
from netctl.gate.wishes import Wishes, in_turns
from netctl.linux.kernel import Kernel
from netctl.linux.nft import FilterFailed
from sync.model import Clock, Event, new_event
from sync.records import admission, grants, outbox
from sync.records.admission import AdmissionRequest
from sync.records.connect import Records, RecordsUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
KEPT_FOR = timedelta(days=7)
"""Ended sessions and presences, with their MACs, die after this."""

_EVENTS_AT_ONCE = 100
_ENDINGS_AT_ONCE = 500
_SAVED_AT_ONCE = 100
_LOOKED_AT_ONCE = 200


class Gate:
    """Admits and ends sessions, and keeps the kernel's sets as the sessions say."""

    def __init__(
        self,
        kernel: Kernel,
        stations: Stations,
        database: GateDatabase,
        records: Records,
        clock: Clock,
        limits: GuestLimits,
        codes: RoamingCodes,
    ) -> None:
        self._kernel = kernel
        self._stations = stations
        self._database = database
        self._records = records
        self._clock = clock
        self.limits = limits
        self._codes = codes
        self.ledger = Ledger(database, limits, clock)
        self.devices = KnownDevices(database, clock)
        self._wishes = Wishes(stations, self.devices, self.ledger, limits, clock)
        self._locks: weakref.WeakValueDictionary[Mac, asyncio.Lock] = weakref.WeakValueDictionary()
        self._note: Callable[[Mac, StepKind, str], object] = lambda mac, step, detail: None

    def listen(self, note: Callable[[Mac, StepKind, str], object]) -> None:
        """`note` is told what becomes of each station."""
        self._note = note

    # --- start -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Takes up the sessions where they were left, and puts the ruleset in force with them in it.

        Raises ProcessFailed when the kernel cannot do what the ruleset needs.
        """
        clock = self._clock
        boottime, now, synced = clock.boottime(), clock.now(), clock.synced()
        await self.ledger.load()
        await self.devices.load()
        written = await self._database.read(store.live_sessions)
        try:
            members = await self._kernel.members() or {}
        except FilterFailed as failure:
            # Loading, which follows, knows how to say what is missing.
            log.warning("the packet filter cannot be read: %s", failure)
            members = {}
        for each in written:
            session = restored(each, clock.boot_id, boottime, now, synced)
            self._wishes.live[session.mac] = counted(session, members.get(session.mac))
        await self._wishes.look_at_the_clock()
        await self._load()
        for mac in self._wishes.live:
            self._wishes.limit(mac)
        try:
            await self._end_those_over()
        except sqlite3.Error as error:
            log.error("sessions cannot be written down, they are tried again: %s", error)
        log.info("%d sessions taken up", len(self._wishes.live))

    # --- what is asked -----------------------------------------------------------------------------------

    async def admit(self, request_id: str, ip: Ip) -> Session:
        """Opens the gate for the station at `ip`. Raises Refused."""
        request = await self._admission_request(request_id, ip)
        if request is None:
            return await self._admitted_before(request_id)
        return await self.grant(request, ip)

    async def temporary_pass(self, ip: Ip) -> Session:
        """A few slow minutes. A session that lives is answered as it is, and nothing is counted."""
        mac = await self.whose(ip)
        async with self._lock(mac):
            self._refuse_whom_we_must(mac, TEMPORARY_PASS)
            session = self._wishes.session_of(mac)
            if session is None:
                session = await self._begin_pass(mac)
                await self._open_for(session)
        return self.seen(session)

    async def sign_out(self, ip: Ip) -> Session:
        """Ends the session of the station at `ip`. Raises Refused."""
        return await self.expel(await self.whose(ip), "signed_out")

    async def expel(self, mac: Mac, reason: EndReason = "expelled") -> Session:
        """Ends the session of this station. Raises Refused."""
        async with self._lock(mac):
            if mac not in self._wishes.live:
                raise Refused("no_session", "That station is not admitted.", "There is nothing to end.")
            return await self._end(await self._counted(self._wishes.live[mac]), reason)

    async def set_device(self, mac: Mac, kind: DeviceKind, name: str) -> KnownDevice:
        """Allows or blocks this device from now on; who is blocked is out at once. Raises Refused."""
        device = await self.devices.put(mac, kind, name)
        await self._follow_devices(mac)
        return device

    async def forget_device(self, device_id: str) -> KnownDevice:
        """A station like any other again. Raises Refused."""
        device = await self.devices.forget(device_id)
        if device is None:
            raise Refused("unknown_device", "There is no such device on the list.")
        await self._follow_devices(device.mac)
        return device

    def session_of(self, mac: Mac) -> LiveSession | None:
        """The session that admits this station right now."""
        return self._wishes.session_of(mac)

    def sessions(self) -> list[LiveSession]:
        return list(self._wishes.live.values())

    def why(self, mac: Mac) -> Why:
        """In the words of `Why`: why this station is captive, or not."""
        return self._wishes.why(mac)

    @property
    def rates_changed(self) -> asyncio.Event:
        """Set when the shaper has something to hear."""
        return self._wishes.rates_changed

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

    # --- the loop's parts --------------------------------------------------------------------------------

    async def compare(self) -> list[Mac]:
        """Wish and truth are compared, the truth corrected. Returns who has sent since last time."""
        members = await self._kernel.members()
        if members is None:
            log.error("our tables are gone from the packet filter: loaded again")
            await self._load()
            members = await self._kernel.members() or {}
        await self._wishes.look_at_the_clock()
        senders = await self._wishes.read_counters(members)
        await self._end_those_over()
        await self._correct(members)
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

    def journal(self, after: int) -> AsyncIterator[JournalLine]:
        """What became of each session behind `after`, first what is kept, then as it happens. Never ends."""
        return journal.watch(self._database, after)

    async def purge(self) -> None:
        await self._database.write(store.purge, self._clock.now() - KEPT_FOR)
        await self.ledger.load()

    async def shape(self) -> None:
        """Tells the shaper who is limited to what."""
        self._wishes.rates_changed.clear()
        await self._kernel.shape(dict(self._wishes.rates), self.limits.totals)

    def seconds_to_next_end(self) -> float:
        """Until the first session is over; infinite when there is none."""
        boottime = self._clock.boottime()
        return min((session.ends - boottime for session in self._wishes.live.values()), default=float("inf"))

    # --- admitting ---------------------------------------------------------------------------------------

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

    async def _admitted_before(self, request_id: str) -> Session:
        """A request too old to be read; it may have been granted before."""
        session_id = await self._database.read(store.session_of_request, request_id)
        for session in self._wishes.live.values():
            if session.session_id == session_id:
                return self.seen(session)
        if session_id is None:
            hint = "A request is good for five minutes: fill in the form again."
            raise Refused("no_such_request", "There is no such request, or it is too old.", hint)
        raise _over()

    async def grant(self, request: AdmissionRequest, ip: Ip) -> Session:
        """Opens the gate as this request says. Raises Refused."""
        mac = await self.whose(ip)
        async with self._lock(mac):
            session = await self._commit(request, mac)
            await self._open_for(session)
        return self.seen(session)

    async def _open_for(self, session: LiveSession) -> None:
        """Kernel after wish. Raises Refused."""
        mac = session.mac
        step = admitting(session, self._clock.boottime(), self._leased(mac))
        try:
            await self._kernel.admit([step], self._stations.addresses(mac))
        except FilterFailed as error:
            # The wish stands: the loop will see to it.
            log.error("the packet filter did not admit a station: %s", error)
            hint = "The gate tries again by itself every few seconds."
            raise Refused("filter_failed", "The gate could not be opened just now.", hint) from error
        self._wishes.limit(mac)
        self._note(mac, "admitted", session.method)

    async def _commit(self, request: AdmissionRequest, mac: Mac) -> LiveSession:
        """The wish, durable before anything is opened. The same request again finds its session."""
        stamp = Stamp.of(self._clock)
        handled = await self._database.read(store.session_of_request, request.request_id)
        live = self._wishes.session_of(mac)
        if handled is not None:
            if live is None or live.session_id != handled:
                raise _over()
            return await self._counted(live)
        self._refuse_whom_we_must(mac, request.method)
        if live is not None:
            longer = extended(live, request.session_seconds, request.lead_id, stamp.boottime, request.method)
            # Head office hears once more of a session that can be taken along only now.
            news = self._codes.code_of(longer) != self._codes.code_of(live)
            told = [self._started(longer)] if news else []
            await self._database.write(store.extend_session, longer, request.request_id, told, stamp)
            return await self._counted(self._wishes.within_hours(longer, self._wishes.closing()))
        await self._make_room(mac)
        session = self._wishes.new_session(
            mac, request.method, request.lead_id, request.session_seconds, stamp
        )
        started = self._started(session)
        await self._database.write(store.begin_session, session, request.request_id, started, stamp)
        self._wishes.live[mac] = session
        return session

    async def _begin_pass(self, mac: Mac) -> LiveSession:
        if self.ledger.passes_left(mac) == 0:
            hint = "Register, or come back tomorrow."
            raise Refused("pass_used_up", "All temporary passes of today are used.", hint)
        await self._make_room(mac)
        stamp = Stamp.of(self._clock)
        fresh = self._wishes.new_session(mac, TEMPORARY_PASS, None, self.limits.pass_seconds, stamp)
        session = replace(fresh, bytes_limit=self.limits.pass_bytes)
        use = after_pass(self.ledger.use(mac))
        started = new_event("session.started", started_body(session), self._clock)
        await self._database.write(store.begin_pass, session, use, started, stamp)
        self.ledger.took(use)
        self._wishes.live[mac] = session
        return session

    def _started(self, session: LiveSession) -> Event:
        body = started_body(session) | self._codes.told(session)
        return new_event("session.started", body, self._clock)

    def _refuse_whom_we_must(self, mac: Mac, method: str) -> None:
        """Raises Refused: blocked, closed, or what the station may have today is used up."""
        refusal = None
        if self.devices.kind_of(mac) == "blocked":
            refusal = Refused("blocked", "This device is blocked here.", "Please ask the staff.")
        elif self.limits.is_for_guests(method) and self._wishes.closing() <= self._clock.boottime():
            refusal = Refused("closed", "The store is closed.", "The WiFi opens with the store.")
        elif self.ledger.is_used_up(mac):
            refusal = Refused("quota", "The volume of today is used up.", "Come back tomorrow.")
        if refusal is not None:
            self._note(mac, "refused", refusal.key)
            raise refusal

    async def _make_room(self, mac: Mac) -> None:
        """A session that is over and that nobody has looked at yet."""
        if mac in self._wishes.live:
            session = self._wishes.live[mac]
            await self._end(session, self._wishes.why_over(session, self.ledger.today()) or "expired")

    async def _counted(self, session: LiveSession) -> LiveSession:
        """The session with what the kernel has counted up to now, which is what goes on from here."""
        fresh = counted(session, await self._kernel.member(session.mac))
        self._wishes.live[session.mac] = fresh
        return fresh

    # --- ending ------------------------------------------------------------------------------------------

    async def _end(self, session: LiveSession, reason: EndReason) -> Session:
        (over,) = await self._end_all([(session, reason)])
        return over

    async def _end_all(self, sessions: Sequence[tuple[LiveSession, EndReason]]) -> list[Session]:
        """The wish first, the kernel after it, as with an admission; but a full disk keeps nobody admitted.

        Raises sqlite3.Error: they are out, and it is tried again to write that down.
        """
        endings = [self._ending(session, reason) for session, reason in sessions]
        for session, reason in sessions:
            self._wishes.live[session.mac] = replace(session, over=reason)
        try:
            await self._database.write(store.end_sessions, endings, Stamp.of(self._clock))
        finally:
            await self._shut_for([session.mac for session, _ in sessions])
        for ending in endings:
            mac = ending.use.mac
            self._wishes.live.pop(mac, None)
            self.ledger.took(ending.use)
            self.ledger.ended(ending.over.session, ending.over.reason)
            self._note(mac, "ended", ending.over.reason)
            self._wishes.limit(mac)
        return [self._over_from_outside(ending) for ending in endings]

    def _ending(self, session: LiveSession, reason: EndReason) -> Ending:
        today = session_on_day(session, self.ledger.today())
        over = ended(today, reason, self._clock.boottime(), self._clock.now())
        told = new_event("session.ended", ended_body(over), self._clock)
        return Ending(over=over, told=told, use=self.ledger.after(today))

    def _over_from_outside(self, ending: Ending) -> Session:
        session = replace(ending.over.session, over=ending.over.reason)
        outside = session.seen_from_outside(self._clock.boottime())
        return replace(outside, ended_at=ending.over.ended_at, reason=ending.over.reason)

    async def _shut_for(self, macs: Sequence[Mac]) -> None:
        """But for those the owner allowed."""
        shut = [mac for mac in macs if self.devices.kind_of(mac) != ALLOWED]
        try:
            await self._kernel.expel(shut, self._addresses(shut))
        except FilterFailed as error:
            log.error("the packet filter did not expel a station, the loop will: %s", error)

    async def _end_those_over(self) -> None:
        over = []
        today = self.ledger.today()
        async for mac, session in in_turns(list(self._wishes.live.items())):
            reason = self._wishes.why_over(session, today)
            if reason is not None and self._wishes.live.get(mac) is session:
                over.append((session, reason))
        for at in range(0, len(over), _ENDINGS_AT_ONCE):
            async with AsyncExitStack() as locks:
                # Who is being admitted or expelled this moment is looked at next time.
                some = [
                    (session, reason)
                    for session, reason in over[at : at + _ENDINGS_AT_ONCE]
                    if not self._lock(session.mac).locked() and self._wishes.live.get(session.mac) is session
                ]
                for session, _ in some:
                    await locks.enter_async_context(self._lock(session.mac))
                if some:
                    await self._end_all(some)

    async def _follow_devices(self, mac: Mac) -> None:
        """The kernel after the owner's word about this device."""
        async with self._lock(mac):
            blocked = self.devices.kind_of(mac) == "blocked"
            session = self._wishes.live.get(mac)
            if blocked and session is not None:
                await self._end(await self._counted(session), "blocked")
            try:
                await self._kernel.block(self.devices.blocked())
                wish = next((each for each in self._wishes.wished() if each.mac == mac), None)
                if wish is None:
                    await self._kernel.expel([mac], self._stations.addresses(mac))
                else:
                    await self._kernel.admit([self._admitting(wish)], self._stations.addresses(mac))
            except FilterFailed as error:
                log.error("the packet filter did not follow the owner, the loop will: %s", error)
            self._wishes.limit(mac)

    # --- comparing ---------------------------------------------------------------------------------------

    async def _load(self) -> None:
        stations = [self._admitting(each) for each in self._wishes.wished()]
        await self._kernel.load(stations, self._stations.leased_pairs(), self.devices.blocked())

    async def _correct(self, members: dict[Mac, Member]) -> None:
        # Who is being admitted or expelled this moment is somewhere between wish and truth: next time.
        busy = {mac for mac, lock in self._locks.items() if lock.locked()}
        wished = {session.mac: session for session in self._wishes.wished()}
        boottime = self._clock.boottime()
        steps: list[Step] = [Expel(mac=mac) for mac in members if mac not in wished]
        async for mac, session in in_turns(list(wished.items())):
            step = step_for(session, members.get(mac), boottime)
            if step is not None:
                steps.append(step)
        # Whom anything happened to meanwhile is somewhere between wish and truth: next time.
        now = {session.mac: session for session in self._wishes.wished()}
        busy |= {step.mac for step in steps if now.get(step.mac) is not wished.get(step.mac)}
        admits = [
            replace(step, addresses=self._leased(step.mac))
            for step in steps
            if isinstance(step, Admit) and step.mac not in busy
        ]
        expels = [step.mac for step in steps if isinstance(step, Expel) and step.mac not in busy]
        if admits or expels:
            log.warning("corrected: %d admitted, %d expelled", len(admits), len(expels))
        if admits:
            await self._kernel.admit(admits, self._addresses([step.mac for step in admits]))
        if expels:
            await self._kernel.expel(expels, self._addresses(expels))

    def _admitting(self, session: LiveSession) -> Admit:
        return admitting(session, self._clock.boottime(), self._leased(session.mac))

    def _leased(self, mac: Mac) -> tuple[IPv4Address, ...]:
        return tuple(ip for ip in self._stations.leased_to(mac) if isinstance(ip, IPv4Address))

    def _addresses(self, macs: Iterable[Mac]) -> list[Ip]:
        return [ip for mac in macs for ip in self._stations.addresses(mac)]

    def _lock(self, mac: Mac) -> asyncio.Lock:
        return self._locks.setdefault(mac, asyncio.Lock())


def _over() -> Refused:
    return Refused("session_over", "That request was granted, and its session is over.", "Sign in again.")


def _append_all(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    for event in events:
        outbox.append(connection, event)
