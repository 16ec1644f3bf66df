"""gate.sock: reads requests, looks at who asks (SO_PEERCRED), answers. Garbage is answered, never fatal."""

import asyncio
import logging
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from netctl.api import (
    LONGEST_REQUEST_BYTES,
    REQUEST_NAMES,
    Admit,
    Answer,
    AskDevices,
    AskHealth,
    AskStation,
    AskStations,
    ExpelStation,
    ForgetDevice,
    JournalLine,
    Presence,
    Refusal,
    Request,
    Seen,
    SetDevice,
    SignOut,
    TakePass,
    WatchJournal,
    WatchPresences,
    answer_line,
    parse_request,
)
from netctl.gate.refused import Refused
from netctl.wire import Malformed
from sync.model import new_id
from sync.process import ProcessFailed
from sync.rate import Turnstile

log = logging.getLogger(__name__)

EVERYTHING = frozenset(REQUEST_NAMES)
MAY: Mapping[str, frozenset[type[Any]]] = {
    "yingke-portal": frozenset(
        {Admit, AskStation, SignOut, TakePass, Seen, AskHealth}
        # The owner's pages.
        | {AskStations, ExpelStation, AskDevices, SetDevice, ForgetDevice}
    ),
    "yingke-sensor": frozenset({WatchPresences, AskHealth}),
    "yingke-sync": frozenset({AskHealth}),
    "yingke-legal": frozenset({WatchJournal, AskHealth}),
}
MOST_CONNECTIONS = 512
MOST_OF_ONE_USER = 384
"""A portal that is taken over keeps nobody else from asking."""

_IDLE_SECONDS = 60.0
_SOCKET_MODE = 0o660


class Answers(Protocol):
    """Who knows the answers. May raise Refused."""

    async def answer(self, request: Request) -> Answer: ...
    def presences(self, after: int) -> AsyncIterator[Presence]: ...
    def journal(self, after: int) -> AsyncIterator[JournalLine]: ...


def allowed(uid: int, own_uid: int, name_of: Callable[[int], str]) -> frozenset[type[Any]]:
    """What a process of this user may ask: root and the gate's own user everything, strangers nothing."""
    if uid in (0, own_uid):
        return EVERYTHING
    return MAY.get(name_of(uid), frozenset())


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


class GateServer:
    """Listens on gate.sock. A connection may ask any number of things, one after the other."""

    def __init__(self, path: Path, answers: Answers, name_of: Callable[[int], str] = _user_name) -> None:
        self._path = path
        self._answers = answers
        self._name_of = name_of
        self._connections: set[asyncio.Task[None]] = set()
        self._turnstile = Turnstile(MOST_CONNECTIONS, MOST_OF_ONE_USER)

    async def open(self) -> None:
        """Raises ProcessFailed when another gate listens there or the directory is not ours to write."""
        await self._nobody_answers()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            listening.bind(str(self._path))
            self._path.chmod(_SOCKET_MODE)
        except OSError as error:
            listening.close()
            raise ProcessFailed(f"{self._path} cannot be listened on: {error.strerror}") from error
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listening, limit=LONGEST_REQUEST_BYTES, backlog=512
        )

    async def close(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _nobody_answers(self) -> None:
        try:
            _, writer = await asyncio.open_unix_connection(str(self._path))
        except OSError:
            return
        writer.close()
        raise ProcessFailed(f"{self._path} is in use: another gate is running; stop it first")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            uid = self._uid(writer)
            if not self._turnstile.enter(str(uid)):
                hint = "Close connections that are not needed."
                await _send(writer, Refusal(key="busy", message="Too many are asking at once.", hint=hint))
                return
            try:
                await self._converse(reader, writer, allowed(uid, os.geteuid(), self._name_of))
            finally:
                self._turnstile.leave(str(uid))
        except (OSError, TimeoutError):
            pass  # who asked is gone, or says nothing
        except asyncio.CancelledError:
            # `close` ends us. Python 3.11's streams log a traceback for a cancelled handler: ended is enough.
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    def _uid(self, writer: asyncio.StreamWriter) -> int:
        peer = writer.get_extra_info("socket")
        # struct ucred: pid, uid, gid (unix(7)).
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", raw)
        return int(uid)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rights: frozenset[type[Any]]
    ) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    line = await reader.readline()
            except ValueError:
                hint = f"A request is one line of at most {LONGEST_REQUEST_BYTES} bytes."
                await _send(writer, Refusal(key="too_long", message="The request is too long.", hint=hint))
                return
            if not line:
                return
            await self._answer_line(line, writer, rights)

    async def _answer_line(
        self, line: bytes, writer: asyncio.StreamWriter, rights: frozenset[type[Any]]
    ) -> None:
        try:
            request = parse_request(line)
        except Malformed as error:
            await _send(writer, Refusal(key="bad_request", message=f"{error}.", hint="See netctl/api.py."))
            return
        if type(request) not in rights:
            message = f"Your user may not ask for `{REQUEST_NAMES[type(request)]}`."
            await _send(writer, Refusal(key="not_allowed", message=message, hint="Ask as root."))
            return
        if isinstance(request, WatchPresences):
            async for presence in self._answers.presences(request.after):
                await _send(writer, presence)
            return
        if isinstance(request, WatchJournal):
            async for line_told in self._answers.journal(request.after):
                await _send(writer, line_told)
            return
        await _send(writer, await self._ask(request))

    async def _ask(self, request: Request) -> Answer:
        try:
            return await self._answers.answer(request)
        except Refused as reason:
            return Refusal(key=reason.key, message=str(reason), hint=reason.hint)
        except Exception:
            reference = new_id()
            log.exception("a request failed, reference %s", reference)
            hint = f"The log says more under {reference}."
            return Refusal(key="gate_failed", message="The gate could not do that.", hint=hint)


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(answer_line(answer))
    await writer.drain()
