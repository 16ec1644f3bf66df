"""The gate's front desk: answers each request from what gate, stations and attendance know."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from netctl.api import (
    Admit,
    Answer,
    AskHealth,
    AskStation,
    AskStatus,
    GateStatus,
    Health,
    Ip,
    Mac,
    Presence,
    Request,
    SignOut,
    Station,
    StationStatus,
    Status,
    parse_ip,
    parse_mac,
)
from netctl.gate.attendance import Attendance
from netctl.gate.gate import Gate, Refused
from netctl.gate.presences import Stay
from netctl.gate.sessions import LiveSession
from netctl.gate.stations import Stations
from sync.model import Clock


class Condition:
    """How the gate's own work goes: filled by its loops, told by `health`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.started_at = clock.now()
        self.compared_at: datetime | None = None
        self.problems: dict[str, str] = {}

    def compared(self) -> None:
        self.compared_at = self._clock.now()

    def sentences(self) -> tuple[str, ...]:
        """What is wrong right now."""
        return tuple(self.problems.values())


class Desk:
    """Answers what is asked on gate.sock."""

    def __init__(
        self, gate: Gate, stations: Stations, attendance: Attendance, condition: Condition, clock: Clock
    ) -> None:
        self._gate = gate
        self._stations = stations
        self._attendance = attendance
        self._condition = condition
        self._clock = clock

    async def answer(self, request: Request) -> Answer:
        """Raises Refused."""
        match request:
            case Admit():
                return await self._gate.admit(request.request_id, request.ip)
            case AskStation():
                return await self._station(request.ip)
            case SignOut():
                return await self._gate.sign_out(request.ip)
            case AskStatus():
                return await self._status(request.station)
            case AskHealth():
                problems = self._condition.sentences()
                return Health(ok=not problems, compared_at=self._condition.compared_at, problems=problems)
            case _:
                raise Refused("bad_request", "That is not answered in one line.")

    def presences(self, after: int) -> AsyncIterator[Presence]:
        return self._attendance.presences(after)

    async def _station(self, ip: Ip) -> Station:
        mac = await self._gate.whose(ip)
        # Who loads a page is there.
        stay = self._attendance.heard(mac)
        session = self._gate.session_of(mac)
        return Station(
            ip=ip,
            station_code=stay.station_code,
            captive=session is None,
            session=session.seen_from_outside(self._clock.boottime()) if session else None,
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
        )
        return Status(
            gate=gate,
            stations=tuple(self._station_status(mac, stays.get(mac), sessions.get(mac)) for mac in macs),
        )

    def _station_status(self, mac: Mac, stay: Stay | None, session: LiveSession | None) -> StationStatus:
        boottime = self._clock.boottime()
        addresses = tuple(self._stations.addresses(mac))
        return StationStatus(
            mac=mac,
            ips=addresses,
            station_code=stay.station_code if stay else "",
            present=stay is not None,
            captive=session is None,
            why=why(session, bool(addresses), boottime),
            last_seen_at=self._clock.now() - timedelta(seconds=boottime - stay.seen) if stay else None,
            session=session.seen_from_outside(boottime) if session else None,
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


def why(session: LiveSession | None, has_address: bool, boottime: float) -> str:
    """Why a station is admitted or not, as one sentence."""
    if session is not None:
        minutes = session.seconds_left(boottime) // 60
        return f"Admitted ({session.method}) for {minutes} more minutes."
    if not has_address:
        return "Captive: it holds no address of ours; it must join the WiFi again."
    return "Captive: nobody has registered on it, or its time is over."
