"""The gate: sessions are the wish, the kernel is the truth; here the one is made to follow the other."""

import asyncio
import logging
import sqlite3
import weakref
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from netctl.api import EndReason, Ip, Mac, Session, parse_ip
from netctl.gate import store
from netctl.gate.database import GateDatabase
from netctl.gate.sessions import (
    Admit,
    Expel,
    LiveSession,
    Member,
    admitting,
    corrected,
    counted,
    ended,
    ended_body,
    extended,
    plan,
    restored,
    started_body,
    why_over,
)
from netctl.gate.stations import Stations, UnknownStation
from netctl.gate.store import Stamp
from netctl.linux.kernel import Kernel
from netctl.linux.nft import FilterFailed
from sync.model import Clock, Event, new_event, new_id
from sync.records import admission, outbox
from sync.records.admission import AdmissionRequest
from sync.records.connect import Records, RecordsUnavailable

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
"""Ended sessions and presences, with their MACs, die after this."""

_EVENTS_AT_ONCE = 500


class Refused(Exception):
    """The gate does not do it; `key` for programs, `hint` for people."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint


class Gate:
    """Admits and ends sessions, and keeps the kernel's sets as the sessions say."""

    def __init__(
        self, kernel: Kernel, stations: Stations, database: GateDatabase, records: Records, clock: Clock
    ) -> None:
        self._kernel = kernel
        self._stations = stations
        self._database = database
        self._records = records
        self._clock = clock
        self._live: dict[Mac, LiveSession] = {}
        self._locks: weakref.WeakValueDictionary[Mac, asyncio.Lock] = weakref.WeakValueDictionary()

    # --- start -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Takes up the sessions where they were left, and puts the ruleset in force with them in it.

        Raises ProcessFailed when the kernel cannot do what the ruleset needs.
        """
        clock = self._clock
        boottime, now, synced = clock.boottime(), clock.now(), clock.synced()
        written = await self._database.read(store.live_sessions)
        try:
            members = await self._kernel.members() or {}
        except FilterFailed as failure:
            # Loading, which follows, knows how to say what is missing.
            log.warning("the packet filter cannot be read: %s", failure)
            members = {}
        for each in written:
            session = restored(each, clock.boot_id, boottime, now, synced)
            self._live[session.mac] = counted(session, members.get(session.mac))
        await self._load()
        await self._end_those_over()
        await self.save()
        log.info("%d sessions taken up", len(self._live))

    # --- what is asked -----------------------------------------------------------------------------------

    async def admit(self, request_id: str, ip: Ip) -> Session:
        """Opens the gate for the station at `ip`. Raises Refused."""
        request = await self._admission_request(request_id, ip)
        if request is None:
            return await self._admitted_before(request_id)
        return await self._admit(request, ip)

    async def sign_out(self, ip: Ip) -> Session:
        """Ends the session of the station at `ip`. Raises Refused."""
        mac = await self.whose(ip)
        async with self._lock(mac):
            session = self._live.get(mac)
            if session is None:
                raise Refused("no_session", f"{ip} is not admitted.", "There is nothing to end.")
            return await self._end(await self._counted(session), "signed_out")

    def session_of(self, mac: Mac) -> LiveSession | None:
        """The session that admits this station right now."""
        session = self._live.get(mac)
        return session if session and session.seconds_left(self._clock.boottime()) > 0 else None

    def sessions(self) -> list[LiveSession]:
        return list(self._live.values())

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
        if self._clock.synced():
            self._settle_what_was_owed()
        senders = self._read_counters(members)
        await self._end_those_over()
        await self._correct(members)
        return senders

    async def admit_waiting(self) -> None:
        """Requests that came while the gate was down, or whose station was not there yet."""
        waiting = await self._records.read(admission.pending, self._clock)
        if not waiting:
            return
        handled = await self._database.read(store.handled_among, [each.request_id for each in waiting])
        for request in waiting:
            if request.request_id in handled:
                continue
            try:
                await self._admit(request, parse_ip(request.ip))
            except (Refused, ValueError) as reason:
                log.info("request %s waits: %s", request.request_id, type(reason).__name__)

    async def copy_events(self) -> None:
        """Hands what happened over to the records: again after a crash, by event_id, so it is there once."""
        while events := await self._database.read(store.waiting_events, _EVENTS_AT_ONCE):
            await self._records.write(_append_all, events)
            await self._database.write(store.forget_events, [event.event_id for event in events])

    async def save(self) -> None:
        """Writes down how much is left of each session: from here a reboot goes on."""
        stamp = Stamp.of(self._clock)
        await self._database.write(store.save_sessions, list(self._live.values()), stamp)

    async def purge(self) -> None:
        await self._database.write(store.purge, self._clock.now() - KEPT_FOR)

    def seconds_to_next_end(self) -> float:
        """Until the first session is over; infinite when there is none."""
        boottime = self._clock.boottime()
        return min((session.expires - boottime for session in self._live.values()), default=float("inf"))

    # --- within ------------------------------------------------------------------------------------------

    async def _admission_request(self, request_id: str, ip: Ip) -> AdmissionRequest | None:
        try:
            request = await self._records.read(admission.find, request_id, self._clock)
        except RecordsUnavailable as error:
            raise Refused("records_unavailable", str(error), "Ask again in a few seconds.") from error
        if request is not None and parse_ip(request.ip) != ip:
            raise Refused("not_yours", f"That request was made from another address than {ip}.")
        return request

    async def _admitted_before(self, request_id: str) -> Session:
        session_id = await self._database.read(store.session_of_request, request_id)
        for session in self._live.values():
            if session.session_id == session_id:
                return session.seen_from_outside(self._clock.boottime())
        if session_id is None:
            hint = "A request is good for five minutes: fill in the form again."
            raise Refused("no_such_request", "There is no such request, or it is too old.", hint)
        raise _over()

    async def _admit(self, request: AdmissionRequest, ip: Ip) -> Session:
        mac = await self.whose(ip)
        async with self._lock(mac):
            session = await self._commit(request, mac)
            step = admitting(session, self._clock.boottime())
            try:
                await self._kernel.admit([step], self._stations.addresses(mac))
            except FilterFailed as error:
                # The wish stands: the loop will see to it.
                log.error("the packet filter did not admit a station: %s", error)
                hint = "The gate tries again by itself every few seconds."
                raise Refused("filter_failed", "The gate could not be opened just now.", hint) from error
        return session.seen_from_outside(self._clock.boottime())

    async def _commit(self, request: AdmissionRequest, mac: Mac) -> LiveSession:
        """The wish, durable before anything is opened. The same request again finds its session."""
        stamp = Stamp.of(self._clock)
        handled = await self._database.read(store.session_of_request, request.request_id)
        live = self.session_of(mac)
        if handled is not None:
            if live is None or live.session_id != handled:
                raise _over()
            return await self._counted(live)
        if live is not None:
            longer = extended(live, request.session_seconds, request.lead_id, stamp.boottime)
            await self._database.write(store.extend_session, longer, request.request_id, stamp)
            return await self._counted(longer)
        if mac in self._live:
            await self._end(self._live[mac], why_over(self._live[mac]))
        session = _new_session(request, mac, stamp)
        started = new_event("session.started", started_body(session), self._clock)
        await self._database.write(store.begin_session, session, request.request_id, started, stamp)
        self._live[mac] = session
        return session

    async def _counted(self, session: LiveSession) -> LiveSession:
        """The session with what the kernel has counted up to now, which is what goes on from here."""
        members = await self._kernel.members() or {}
        fresh = counted(session, members.get(session.mac))
        self._live[session.mac] = fresh
        return fresh

    async def _end(self, session: LiveSession, reason: EndReason) -> Session:
        """The wish first, the kernel after it, as with an admission."""
        over = ended(session, reason, self._clock.boottime(), self._clock.now())
        event = new_event("session.ended", ended_body(over), self._clock)
        await self._database.write(store.end_session, over, event)
        self._live.pop(session.mac, None)
        try:
            await self._kernel.expel([session.mac], self._stations.addresses(session.mac))
        except FilterFailed as error:
            log.error("the packet filter did not expel a station, the loop will: %s", error)
        seen = replace(session, expires=0.0).seen_from_outside(self._clock.boottime())
        return replace(seen, ended_at=over.ended_at, reason=reason)

    async def _end_those_over(self) -> None:
        boottime = self._clock.boottime()
        for mac, session in list(self._live.items()):
            if session.seconds_left(boottime) > 0 or self._lock(mac).locked():
                continue
            async with self._lock(mac):
                await self._end(session, why_over(session))

    def _settle_what_was_owed(self) -> None:
        for mac, session in self._live.items():
            self._live[mac] = corrected(session, self._clock.boottime(), self._clock.now())

    def _read_counters(self, members: dict[Mac, Member]) -> list[Mac]:
        senders = []
        for mac, session in self._live.items():
            fresh = counted(session, members.get(mac))
            if fresh.bytes_up > session.bytes_up:
                senders.append(mac)
            self._live[mac] = fresh
        return senders

    async def _load(self) -> None:
        boottime = self._clock.boottime()
        await self._kernel.load([admitting(each, boottime) for each in self._live.values()])

    async def _correct(self, members: dict[Mac, Member]) -> None:
        # Who is being admitted or expelled this moment is somewhere between wish and truth: next time.
        busy = {mac for mac in [*members, *self._live] if mac in self._locks and self._locks[mac].locked()}
        steps = plan(self._live.values(), members, self._clock.boottime())
        admits = [step for step in steps if isinstance(step, Admit) and step.mac not in busy]
        expels = [step.mac for step in steps if isinstance(step, Expel) and step.mac not in busy]
        if admits or expels:
            log.warning("corrected: %d admitted, %d expelled", len(admits), len(expels))
        if admits:
            await self._kernel.admit(admits, self._addresses([step.mac for step in admits]))
        if expels:
            await self._kernel.expel(expels, self._addresses(expels))

    def _addresses(self, macs: Sequence[Mac]) -> list[Ip]:
        return [ip for mac in macs for ip in self._stations.addresses(mac)]

    def _lock(self, mac: Mac) -> asyncio.Lock:
        return self._locks.setdefault(mac, asyncio.Lock())


def _over() -> Refused:
    return Refused("session_over", "That request was granted, and its session is over.", "Sign in again.")


def _append_all(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    for event in events:
        outbox.append(connection, event)


def _new_session(request: AdmissionRequest, mac: Mac, stamp: Stamp) -> LiveSession:
    return LiveSession(
        session_id=new_id(),
        mac=mac,
        lead_id=request.lead_id,
        method=request.method,
        started_at=stamp.at,
        seconds_granted=request.session_seconds,
        expires=stamp.boottime + request.session_seconds,
    )
