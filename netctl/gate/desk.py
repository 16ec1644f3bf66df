"""The gate's front desk: answers each request from what gate, stations and attendance know."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from netctl.api import (
    Admit,
    Answer,
    AskDevices,
    AskHealth,
    AskStation,
    AskStations,
    AskStatus,
    Device,
    Devices,
    ExpelStation,
    ForgetDevice,
    GateStatus,
    Health,
    Ip,
    JournalLine,
    Mac,
    Noted,
    Presence,
    Request,
    Seen,
    Session,
    SetDevice,
    SignOut,
    Station,
    StationSeen,
    StationsSeen,
    StationStatus,
    Status,
    TakePass,
    parse_ip,
    parse_mac,
)
from netctl.gate import why
from netctl.gate.attendance import Attendance
from netctl.gate.device_store import KnownDevice
from netctl.gate.devices import TooMany
from netctl.gate.gate import Gate
from netctl.gate.presences import Stay
from netctl.gate.refused import Refused
from netctl.gate.sessions import LiveSession
from netctl.gate.stations import Stations
from sync.model import Clock

_NOT_CAPTIVE = frozenset({"admitted", "allowed"})
Deauthenticate = Callable[[Mac], Awaitable[bool]]


async def _no_access_point(mac: Mac) -> bool:
    """A foreign access point cannot be told to throw anybody off."""
    return False


class Condition:
    """How the gate's own work goes: filled by its loops, told by `health`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.started_at = clock.now()
        self.compared_at: datetime | None = None
        self.problems: dict[str, str] = {}
        self.uplink = True

    def compared(self) -> None:
        self.compared_at = self._clock.now()

    def sentences(self) -> tuple[str, ...]:
        """What is wrong right now."""
        return tuple(self.problems.values())


class Desk:
    """Answers what is asked on gate.sock. `deauthenticate` says whether it did."""

    def __init__(
        self,
        gate: Gate,
        stations: Stations,
        attendance: Attendance,
        condition: Condition,
        clock: Clock,
        deauthenticate: Deauthenticate = _no_access_point,
    ) -> None:
        self._gate = gate
        self._stations = stations
        self._attendance = attendance
        self._condition = condition
        self._clock = clock
        self._deauthenticate = deauthenticate

    async def answer(self, request: Request) -> Answer:
        """Raises Refused."""
        match request:
            case Admit():
                return await self._gate.admit(request.request_id, request.ip)
            case TakePass():
                return await self._gate.temporary_pass(request.ip)
            case AskStation():
                return await self._station(request.ip)
            case SignOut():
                return await self._gate.sign_out(request.ip)
            case Seen():
                return self._seen(request)
            case ExpelStation():
                return await self._expel(request)
            case AskStations():
                return self._stations_seen()
            case AskStatus():
                return await self._status(request.station)
            case AskHealth():
                return self._health()
            case _:
                return await self._about_devices(request)

    def presences(self, after: int) -> AsyncIterator[Presence]:
        return self._attendance.presences(after)

    def journal(self, after: int) -> AsyncIterator[JournalLine]:
        return self._gate.journal(after)

    # --- for the pages -----------------------------------------------------------------------------------

    async def _station(self, ip: Ip) -> Station:
        mac = await self._gate.whose(ip)
        # Who loads a page is there.
        stay = self._attendance.heard(mac)
        session = self._gate.session_of(mac)
        key = self._gate.why(mac)
        return Station(
            ip=ip,
            station_code=stay.station_code,
            captive=key not in _NOT_CAPTIVE,
            session=self._gate.seen(session) if session and key == "admitted" else None,
            why=key,
            uplink=self._condition.uplink,
            passes_left=self._gate.ledger.passes_left(mac),
            opens_at=self._gate.limits.opens_at(self._clock.now(), self._clock.synced()),
        )

    def _seen(self, request: Seen) -> Noted:
        """What comes from an address we did not give out is nobody's."""
        known = 0
        for fact in request.facts:
            mac = self._stations.at(fact.ip)
            if mac is not None:
                self._attendance.heard(mac)
                self._attendance.note(mac, fact.step, fact.detail, fact.count)
                known += 1
        return Noted(count=known)

    def _stations_seen(self) -> StationsSeen:
        return StationsSeen(
            stations_seen=tuple(self._station_seen(stay) for stay in self._attendance.stays())
        )

    def _station_seen(self, stay: Stay) -> StationSeen:
        session = self._gate.session_of(stay.mac)
        key = self._gate.why(stay.mac)
        return StationSeen(
            station_code=stay.station_code,
            present=True,
            captive=key not in _NOT_CAPTIVE,
            why=key,
            steps=stay.steps,
            session=self._gate.seen(session) if session and key == "admitted" else None,
        )

    # --- for who looks after the box ---------------------------------------------------------------------

    async def _expel(self, request: ExpelStation) -> Session:
        mac = await self._find(request.station)
        try:
            session = await self._gate.expel(mac)
        except Refused as refusal:
            # A captive station whose portal does not pop up is asked to join again, too.
            if request.deauthenticate and await self._deauthenticate(mac):
                hint = "Our access point sent it away all the same: its phone checks when it joins again."
                raise Refused(refusal.key, str(refusal), hint) from refusal
            raise
        thrown_off = request.deauthenticate and await self._deauthenticate(mac)
        return replace(session, deauthenticated=thrown_off)

    async def _about_devices(self, request: Request) -> Answer:
        try:
            match request:
                case SetDevice():
                    mac = await self._find(request.station)
                    return self._device(await self._gate.set_device(mac, request.kind, request.name))
                case ForgetDevice():
                    return self._device(await self._gate.forget_device(request.device_id))
                case AskDevices():
                    return Devices(devices=tuple(map(self._device, self._gate.devices.all())))
        except TooMany as reason:
            raise Refused("too_many_devices", f"{reason}.", "Forget those that are gone.") from reason
        except sqlite3.Error as error:
            raise Refused("not_kept", f"The box could not write that down: {error}.") from error
        raise Refused("bad_request", "That is not answered in one line.")

    def _device(self, device: KnownDevice) -> Device:
        stay = self._attendance.stay_of(device.mac)
        return Device(
            device_id=device.device_id,
            kind=device.kind,
            name=device.name,
            station_code=stay.station_code if stay else None,
            added_at=device.added_at,
        )

    def _health(self) -> Health:
        problems = self._condition.sentences()
        return Health(
            ok=not problems,
            compared_at=self._condition.compared_at,
            problems=problems,
            uplink=self._condition.uplink,
            present=len(self._attendance.stays()),
        )

    async def _status(self, wanted: str | None) -> Status:
        stays = {stay.mac: stay for stay in self._attendance.stays()}
        sessions = {session.mac: session for session in self._gate.sessions()}
        macs = sorted(stays.keys() | sessions.keys()) if wanted is None else [await self._find(wanted)]
        gate = GateStatus(
            admitted=len(sessions),
            present=len(stays),
            started_at=self._condition.started_at,
            problems=self._condition.sentences(),
            uplink=self._condition.uplink,
        )
        return Status(
            gate=gate,
            stations=tuple(self._station_status(mac, stays.get(mac), sessions.get(mac)) for mac in macs),
        )

    def _station_status(self, mac: Mac, stay: Stay | None, session: LiveSession | None) -> StationStatus:
        boottime = self._clock.boottime()
        addresses = tuple(self._stations.addresses(mac))
        key = self._gate.why(mac)
        return StationStatus(
            mac=mac,
            ips=addresses,
            station_code=stay.station_code if stay else "",
            present=stay is not None,
            captive=key not in _NOT_CAPTIVE,
            why=why.sentence(key, session, self._stations.has_lease(mac), boottime),
            last_seen_at=self._clock.now() - timedelta(seconds=boottime - stay.seen) if stay else None,
            session=self._gate.seen(session) if session else None,
            steps=stay.steps if stay else (),
        )

    async def _find(self, wanted: str) -> Mac:
        """A station by its code, MAC or IP. Raises Refused."""
        for stay in self._attendance.stays():
            if stay.station_code == wanted.upper():
                return stay.mac
        try:
            return parse_mac(wanted)
        except ValueError:
            pass
        try:
            return await self._gate.whose(parse_ip(wanted))
        except ValueError:
            hint = "Name a station by its four letters, its IP or its MAC."
            raise Refused("unknown_station", f"No station is called {wanted}.", hint) from None
