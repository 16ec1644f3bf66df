"""A gate for the portal's tests: the real requests on a real socket, stations in a dict."""

import asyncio
from dataclasses import replace
from pathlib import Path

from netctl import api
from netctl.api import Answer, Ip, Refusal, Request, Session, Station
from sync.model import Clock, new_id
from sync.records import Records, admission


class GateDouble:
    """Answers as the gate does; `station_code` is KLMP for everyone. `admitted` holds sessions by address."""

    def __init__(self, path: Path, records: Records, clock: Clock) -> None:
        self.path = path
        self.known: set[Ip] = {api.parse_ip("127.0.0.1")}
        self.admitted: dict[Ip, Session] = {}
        self.by_request: dict[str, Session] = {}
        self.asked: list[Request] = []
        self.refusal: Refusal | None = None
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
                if ip not in self.known:
                    return Refusal(key="unknown_station", message="nobody we know is there")
                session = self.admitted.get(ip)
                return Station(ip=ip, station_code="KLMP", captive=session is None, session=session)
            case api.SignOut(ip=ip):
                return self._sign_out(ip)
            case _:
                return api.Health(ok=True, compared_at=None, problems=())

    async def _admit(self, request: api.Admit) -> Answer:
        if known := self.by_request.get(request.request_id):
            return Refusal(key="session_over", message="it is over") if known.ended_at else known
        asked = await self._records.read(admission.find, request.request_id, self._clock)
        if asked is None or asked.ip != str(request.ip):
            return Refusal(key="no_such_request", message="there is no such admission request")
        session = Session(
            session_id=new_id(),
            lead_id=asked.lead_id,
            method=asked.method,
            started_at=self._clock.now(),
            seconds_granted=asked.session_seconds,
            seconds_left=asked.session_seconds,
            bytes_up=0,
            bytes_down=0,
        )
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
