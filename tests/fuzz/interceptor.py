"""What phones, and whoever pretends to be one, send to the interceptor."""

import asyncio
import re
from typing import Any, cast

from portal.intercept import LARGEST_HEAD_BYTES, LARGEST_REST_BYTES, Connection, Interceptor, redirect_to

_URL = "http://10.77.0.1/"
_ANSWER = redirect_to(_URL)
# A grant link is the one thing that comes back, letter by letter harmless.
_TO_A_LINK = re.compile(rb"HTTP/1\.1 302 Found\r\nLocation: http://10\.77\.0\.1/g/[A-Za-z0-9_-]{56}\r\n")
SEEDS = (
    b"\x01GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n",
    b"\x03HEAD / HTTP/1.0\n\n",
    b"\x05POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
    b"\x02GET http://user@10.77.0.1:80/ HTTP/1.1\r\nHost: evil\r\nHost: other\r\n\r\n",
    b"\x07\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x09CONNECT example.com:443 HTTP/1.1\r\n\r\n",
)


class _Transport:
    """Takes down what is written; after `close` or `abort` nothing more may be."""

    def __init__(self) -> None:
        self.said = b""
        self.over = self.done = False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        assert name == "peername"
        return ("10.77.0.9", 4711)

    def write(self, data: bytes) -> None:
        assert not self.over, "wrote after the end"
        assert not self.done, "wrote after it said that it was done"
        self.said += data

    def write_eof(self) -> None:
        self.done = True

    def close(self) -> None:
        self.over = True

    abort = close


class Target:
    """One input is one connection; its first byte says in pieces of what length it arrives."""

    def __init__(self) -> None:
        # A connection's deadline is read off the running loop's clock.
        self._loop = asyncio.new_event_loop()
        asyncio._set_running_loop(self._loop)
        self._interceptor = Interceptor(_URL)

    def take(self, data: bytes) -> None:
        if not data:
            return
        transport = _Transport()
        connection = Connection(self._interceptor)
        connection.connection_made(cast("Any", transport))
        fed = self._feed(connection, transport, data[1:], data[0] + 1)
        if not transport.over:
            connection.eof_received()
        connection.connection_lost(None)
        said = transport.said
        ours = said in (b"", _ANSWER, self._interceptor.head_answer) or _TO_A_LINK.match(said)
        assert ours, "another answer than ours"
        assert transport.said or not fed, "what was said got no answer"
        assert not len(self._interceptor), "a connection was kept"
        assert not self._interceptor.addresses(), "an address was kept"

    def _feed(self, connection: Connection, transport: _Transport, data: bytes, step: int) -> bool:
        """Returns whether anything was said; nothing reaches a connection that is over."""
        for at in range(0, len(data), step):
            if transport.over:
                break
            connection.data_received(data[at : at + step])
        assert len(data) < LARGEST_HEAD_BYTES + LARGEST_REST_BYTES
        return bool(data)
