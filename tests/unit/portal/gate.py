"""A gate for the portal's tests: the real requests on a real socket, stations in a dict."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from netctl import api
from netctl.api import Answer, Device, Ip, Refusal, Request, Session, Station, StationSeen
from sync.model import Clock, new_id
from sync.records import Records, admission, grants

STATION_CODE = "KLMP"


class GateDouble:
    """Answers as the gate does; `station_code` is KLMP for everyone whom `codes` does not name.

    `admitted` holds sessions by address, `says` what a station's answer has beside (`why`, `uplink`, …),
    `seen` and `devices` what the owner is told.
    """

    def __init__(self, path: Path, records: Records, clock: Clock) -> None:
        self.path = path
        self.known: set[Ip] = {api.parse_ip("127.0.0.1")}
        self.codes: dict[Ip, str] = {}
        self.admitted: dict[Ip, Session] = {}
        self.by_request: dict[str, Session] = {}
        self.says: dict[str, Any] = {}
        self.seen: tuple[StationSeen, ...] = ()
        self.devices: tuple[Device, ...] = ()
        self.asked: list[Request] = []
        self.refusal: Refusal | None = None
        self.has_uplink = True
        self._records = records
        self._clock = clock
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._answer, str(self.path))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self.path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = api.parse_request(await reader.readline())
        self.asked.append(request)
        writer.write(api.answer_line(await self._decide(request)))
        await writer.drain()
        writer.close()

    async def _decide(self, request: Request) -> Answer:
        match request:
            case api.Admit():
                return self.refusal or await self._admit(request)
            case api.AskStation(ip=ip):
                return self._station(ip)
            case api.SignOut(ip=ip):
                return self._sign_out(ip)
            case api.TakePass(ip=ip):
                return self.refusal or self.admitted.setdefault(ip, self.session("temporary_pass", 300))
            case api.AskHealth():
                return api.Health(ok=True, compared_at=None, problems=(), uplink=self.has_uplink)
            case _:
                return self.refusal or self._owners(request)

    def _station(self, ip: Ip) -> Answer:
        if ip not in self.known:
            return Refusal(key="unknown_station", message="nobody we know is there")
        session = self.admitted.get(ip)
        says: dict[str, Any] = {"captive": session is None, "why": "admitted" if session else "new"}
        code = self.codes.get(ip, STATION_CODE)
        return Station(ip=ip, station_code=code, session=session, **says | self.says)

    def _owners(self, request: Request) -> Answer:
        match request:
            case api.AskStations():
                return api.StationsSeen(stations_seen=self.seen)
            case api.AskDevices():
                return api.Devices(devices=self.devices)
            case api.ExpelStation():
                return replace(self.session("form", 0), ended_at=self._clock.now(), reason="expelled")
            case api.SetDevice(station=code, kind=kind, name=name):
                device = Device(
                    device_id=new_id(), kind=kind, name=name, station_code=code, added_at=self._clock.now()
                )
                self.devices = (device, *self.devices)
                return device
            case api.ForgetDevice(device_id=device_id):
                found = [device for device in self.devices if device.device_id == device_id]
                self.devices = tuple(device for device in self.devices if device not in found)
                return found[0] if found else Refusal(key="unknown_device", message="no such device")
            case _:
                return api.Noted(count=0)

    def limit_bytes(self, ip: Ip, left: int) -> None:
        """From now on the session there has a volume."""
        self.admitted[ip] = replace(self.admitted[ip], bytes_left=left)

    def session(self, method: str, seconds: int, lead_id: str | None = None) -> Session:
        """A session that begins now."""
        return Session(
            session_id=new_id(),
            lead_id=lead_id,
            method=method,
            started_at=self._clock.now(),
            seconds_granted=seconds,
            seconds_left=seconds,
            bytes_up=0,
            bytes_down=0,
        )

    async def _admit(self, request: api.Admit) -> Answer:
        if known := self.by_request.get(request.request_id):
            return Refusal(key="session_over", message="it is over") if known.ended_at else known
        asked = await self._records.read(admission.find, request.request_id, self._clock)
        asked = asked or await self._records.read(grants.find, request.request_id, self._clock)
        if asked is None or asked.ip != str(request.ip):
            return Refusal(key="no_such_request", message="there is no such admission request")
        session = self.session(asked.method, asked.session_seconds, asked.lead_id)
        self.by_request[request.request_id] = self.admitted[request.ip] = session
        return session

    def _sign_out(self, ip: Ip) -> Answer:
        session = self.admitted.pop(ip, None)
        if session is None:
            return Refusal(key="no_session", message="there is no session")
        ended = replace(session, seconds_left=0, ended_at=self._clock.now(), reason="signed_out")
        for request_id, known in self.by_request.items():
            if known.session_id == session.session_id:
                self.by_request[request_id] = ended
        return ended
