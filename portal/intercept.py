"""Answers the redirected port-80 traffic of captive stations: 302 to the portal, nothing else.

Every phone that joins asks here first, several times, and so does every app on it: this is the portal's
busiest spot and the first that strangers can reach. It answers anything alike, with bytes made once, one
answer a connection whatever is asked after it, says nothing back of what was asked, and keeps nothing that
could grow. The one exception is a signed grant link, of an alphabet that cannot break out of anything: a
phone that asked a strict private resolver for its host comes here with it, and is led to the same link at
our own address.
"""

import asyncio
import re
import socket
from html import escape
from typing import Final, cast

from portal.trace import Trace
from sync.grant_token import CHARACTERS

LARGEST_HEAD_BYTES: Final = 16 * 1024
LARGEST_REST_BYTES: Final = 64 * 1024
DEADLINE_SECONDS: Final = 5.0
# Below the 1024 files a process may have open by default, with room for the pages.
MOST_CONNECTIONS: Final = 768
MOST_CONNECTIONS_PER_ADDRESS: Final = 288
BACKLOG: Final = 4096

# "GET " is the shortest start that a head can have; what begins otherwise will not become one.
_METHOD: Final = re.compile(rb"[A-Z]{1,20}(?: [^\r\n]*)?")
_LINK: Final = re.compile(rb"(?:GET|HEAD) /(g/[A-Za-z0-9_-]{%d}) " % CHARACTERS)
_LINK_STARTS: Final = (b"GET /g/", b"HEAD /g/")
_REQUEST_LINE: Final = re.compile(rb"[A-Z]{1,20} \S+ HTTP/1\.[01]\r?\n")


def redirect_to(portal_url: str) -> bytes:
    """The whole answer. The body is over 100 bytes and names a length: Android takes a 200 to 399 with a
    body as a portal, and one with at most 4 bytes as a broken network (AOSP NetworkMonitor).
    """
    shown = escape(portal_url, quote=True)
    body = (
        '<!doctype html><html><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="0;url={shown}"><title>WiFi</title></head><body>'
        f'<p><a href="{shown}">Welcome! Please continue here. '
        "欢迎光临,请点击这里继续。</a></p></body></html>"
    ).encode()
    head = (
        f"HTTP/1.1 302 Found\r\nLocation: {portal_url}\r\nCache-Control: no-store\r\nConnection: close\r\n"
        f"Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Interceptor:
    """The connections that are open, each with its end. `answer` goes to all that bring no link."""

    def __init__(
        self,
        portal_url: str,
        deadline_seconds: float = DEADLINE_SECONDS,
        trace: Trace | None = None,
    ) -> None:
        self._portal_url = portal_url
        self.answer = answer = redirect_to(portal_url)
        self.trace = Trace() if trace is None else trace
        self.deadline_seconds = deadline_seconds
        self.head_answer = answer[: answer.index(b"\r\n\r\n") + 4]
        # In the order they came: the first is the first to be cut.
        self._open: dict[Connection, float] = {}
        self._by_address: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, connection: object) -> bool:
        return connection in self._open

    def addresses(self) -> list[str]:
        """Of whom a connection is open."""
        return list(self._by_address)

    def answer_to(self, head: bytes) -> bytes:
        """The redirect, for HEAD without its body (RFC 9110 section 9.3.2)."""
        if head.startswith(_LINK_STARTS) and (link := _LINK.match(head)):
            answer = redirect_to(self._portal_url + link[1].decode())
            return answer[: answer.index(b"\r\n\r\n") + 4] if head.startswith(b"HEAD ") else answer
        return self.head_answer if head.startswith(b"HEAD ") else self.answer

    def admits(self, connection: "Connection", address: str) -> bool:
        """Takes the connection in, unless its address holds too many. With too many in all, the oldest
        goes: an honest one is answered at once, so the oldest is somebody's who holds on.
        """
        held = self._by_address.get(address, 0)
        if held >= MOST_CONNECTIONS_PER_ADDRESS:
            return False
        if len(self._open) >= MOST_CONNECTIONS:
            oldest = next(iter(self._open))
            self.forget(oldest, oldest.address)
            oldest.cut()
        self._by_address[address] = self._by_address.get(address, 0) + 1
        self._open[connection] = asyncio.get_running_loop().time() + self.deadline_seconds
        return True

    def forget(self, connection: "Connection", address: str) -> None:
        if self._open.pop(connection, None) is None:
            return
        left = self._by_address[address] - 1
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]

    def cut_late(self, now: float) -> None:
        """Ends the connections whose deadline has passed."""
        late = []
        for connection, deadline in self._open.items():
            if deadline > now:
                break
            late.append(connection)
        for connection in late:
            connection.cut()

    async def watch(self) -> None:
        """One timer for all connections: one for each costs more than the answer."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.deadline_seconds / 5)
            self.cut_late(loop.time())


class Connection(asyncio.Protocol):
    """One connection: the head of one request, the answer, the end."""

    __slots__ = ("_answered", "_head", "_interceptor", "_rest_bytes", "_transport", "address")

    def __init__(self, interceptor: Interceptor) -> None:
        self._interceptor = interceptor
        self._transport: asyncio.Transport | None = None
        self.address = ""
        self._head = b""
        self._answered = False
        self._rest_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio's by descent: no isinstance.
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        # None: the phone was gone before we looked.
        self.address = peer[0] if peer else ""
        if not self._interceptor.admits(self, self.address):
            self.cut()

    def data_received(self, data: bytes) -> None:
        if self._answered:
            self._rest_bytes += len(data)
            if self._rest_bytes > LARGEST_REST_BYTES:
                self.cut()
            return
        head = self._head + data if self._head else data
        end = is_whole(head)
        if end:
            self._reply(head, end)
        else:
            self._head = head

    def eof_received(self) -> bool:
        """A half-closed request gets its answer too; what says nothing at all gets none."""
        if self._head and not self._answered:
            self._reply(self._head, len(self._head))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._interceptor.forget(self, self.address)

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _reply(self, head: bytes, end: int) -> None:
        transport, self._answered, self._head = self._transport, True, b""
        assert transport is not None
        self._interceptor.trace.redirected(self.address, head)
        transport.write(self._interceptor.answer_to(head))
        if end == len(head) and head.startswith((b"GET ", b"HEAD ")):
            # It holds nothing any more, though the loop says goodbye to it only in its next round.
            self._interceptor.forget(self, self.address)
            transport.close()
        else:
            # Closing with bytes unread makes the kernel send a reset, which can overtake the answer
            # (RFC 9112 section 9.6): say that we are done, and let the rest of the form run out.
            transport.write_eof()


def is_whole(data: bytes) -> int:
    """Where the request's head ends; for what will never be one, where it stops being read. 0: not yet."""
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return end + 4
    if len(data) > LARGEST_HEAD_BYTES or not _METHOD.match(data):
        return len(data)
    line_end = data.find(b"\n")
    if line_end < 0:
        return 0
    if not _REQUEST_LINE.match(data):
        return len(data)
    bare = data.find(b"\n\n")
    return bare + 2 if bare >= 0 else 0


async def serve_interceptor(
    listening: socket.socket,
    portal_url: str,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
    trace: Trace | None = None,
) -> None:
    """Answers on a bound socket (it is made to listen here) until cancelled; owns the socket. `trace` is
    told of each redirect, and told on by whoever made it."""
    interceptor = Interceptor(portal_url, deadline_seconds, trace)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(interceptor), sock=listening, backlog=BACKLOG)
    async with server:
        await interceptor.watch()
