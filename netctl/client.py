"""Asks the gate. What portal and sensor hold in their hands of the network.

A connection a request: it costs a few tens of microseconds on a unix socket and leaves nothing to repair
when the gate restarts.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TypeVar

from netctl.api import (
    LONGEST_ANSWER_BYTES,
    Admit,
    AskDevices,
    AskHealth,
    AskStation,
    AskStations,
    AskStatus,
    Device,
    DeviceKind,
    Devices,
    ExpelStation,
    Fact,
    ForgetDevice,
    Health,
    Ip,
    JournalLine,
    Noted,
    Presence,
    Refusal,
    Request,
    Seen,
    Session,
    SetDevice,
    SignOut,
    Station,
    StationSeen,
    StationsSeen,
    Status,
    TakePass,
    WatchJournal,
    WatchPresences,
    parse_answer,
    request_line,
)
from netctl.wire import Malformed

A = TypeVar(
    "A", Session, Station, StationsSeen, Device, Devices, Noted, Status, Health, Presence, JournalLine
)


class GateUnavailable(Exception):
    """The gate does not answer: down, restarting, or slower than the timeout. Ask again later."""


class GateRefused(Exception):
    """The gate answered no. `key` for programs, `message` and `hint` for people."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.message = message
        self.hint = hint


class GateClient:
    """The requests of `netctl.api` as methods.

    Each raises GateRefused when the gate says no and GateUnavailable when it says nothing in
    `timeout_seconds`.
    """

    def __init__(self, path: Path, timeout_seconds: float = 2.0) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds

    async def admit(self, *, request_id: str, ip: Ip) -> Session:
        """Opens the gate for the station at `ip`. The same `request_id` again: the same session."""
        return await self._ask(Admit(request_id=request_id, ip=ip), Session)

    async def station(self, ip: Ip) -> Station:
        """Who is at `ip`. Refused with key `unknown_station` when nobody we know is."""
        return await self._ask(AskStation(ip=ip), Station)

    async def sign_out(self, ip: Ip) -> Session:
        """Ends the session of the station at `ip`. Refused with key `no_session` when there is none."""
        return await self._ask(SignOut(ip=ip), Session)

    async def temporary_pass(self, ip: Ip) -> Session:
        """A few slow minutes; a session that lives is answered as it is. Refused with key `pass_used_up`,
        `closed`, `blocked` or `quota`."""
        return await self._ask(TakePass(ip=ip), Session)

    async def expel(self, station: str, *, deauthenticate: bool = True) -> Session:
        """Ends the session of this station (code, IP or MAC). Refused with key `no_session` when there is
        none."""
        return await self._ask(ExpelStation(station=station, deauthenticate=deauthenticate), Session)

    async def devices(self) -> tuple[Device, ...]:
        """Those that are always admitted or never, the last one first."""
        return (await self._ask(AskDevices(), Devices)).devices

    async def set_device(self, station: str, kind: DeviceKind, name: str) -> Device:
        """Allows or blocks this station (code, IP or MAC) from now on; a known one is changed."""
        return await self._ask(SetDevice(station=station, kind=kind, name=name), Device)

    async def forget_device(self, device_id: str) -> Device:
        """Returns what it was. Refused with key `unknown_device`."""
        return await self._ask(ForgetDevice(device_id=device_id), Device)

    async def stations(self) -> tuple[StationSeen, ...]:
        """Who is here and what each did until now, without a MAC."""
        return (await self._ask(AskStations(), StationsSeen)).stations_seen

    async def seen(self, facts: Sequence[Fact]) -> int:
        """Tells what the portal saw; returns how many facts were of a station we know."""
        return (await self._ask(Seen(facts=tuple(facts)), Noted)).count

    async def status(self, station: str | None = None) -> Status:
        """The gate and its stations, or the one with this MAC, IP or station code. For root only."""
        return await self._ask(AskStatus(station=station), Status)

    async def health(self) -> Health:
        """Is the gate well?"""
        return await self._ask(AskHealth(), Health)

    async def presences(self, after: int = 0) -> AsyncIterator[Presence]:
        """Joins and leaves after `after`, first those kept, then as they happen, without end.

        Raises GateUnavailable when the gate goes; call again with the last `seq` seen.
        """
        async for presence in self._watch(WatchPresences(after=after), Presence):
            yield presence

    async def journal(self, after: int = 0) -> AsyncIterator[JournalLine]:
        """What became of each session after `after`, as `presences` tells joins and leaves."""
        async for line in self._watch(WatchJournal(after=after), JournalLine):
            yield line

    async def _watch(self, request: Request, expected: type[A]) -> AsyncIterator[A]:
        reader, writer = await self._connect()
        try:
            writer.write(request_line(request))
            while line := await self._line(reader):
                yield _expect(line, expected)
        except OSError as error:
            raise GateUnavailable(f"the gate went away: {error}") from error
        finally:
            writer.close()
        raise GateUnavailable("the gate closed the connection")

    async def _ask(self, request: Request, expected: type[A]) -> A:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return _expect(await self._exchange(request), expected)
        except TimeoutError:
            raise GateUnavailable(f"the gate did not answer in {self._timeout_seconds:g} s") from None
        except OSError as error:
            raise GateUnavailable(f"the gate went away: {error}") from error

    async def _exchange(self, request: Request) -> bytes:
        reader, writer = await self._connect()
        try:
            writer.write(request_line(request))
            line = await self._line(reader)
        finally:
            writer.close()
        if not line:
            raise GateUnavailable("the gate closed the connection without an answer")
        return line

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(str(self._path), limit=LONGEST_ANSWER_BYTES)
        except OSError as error:
            raise GateUnavailable(f"nobody answers at {self._path}: {error.strerror or error}") from error

    @staticmethod
    async def _line(reader: asyncio.StreamReader) -> bytes:
        try:
            line = await reader.readline()
        except ValueError as error:
            raise GateUnavailable(f"the gate's answer is too long: {error}") from error
        return line if line.endswith(b"\n") else b""


def _expect(line: bytes, expected: type[A]) -> A:
    try:
        answer = parse_answer(line)
    except Malformed as error:
        raise GateUnavailable(f"the gate's answer cannot be read: {error}") from error
    if isinstance(answer, Refusal):
        raise GateRefused(answer.key, answer.message, answer.hint)
    if not isinstance(answer, expected):
        raise GateUnavailable(f"the gate answered with a {type(answer).__name__}")
    return answer
