"""From a socket of the machine into a namespace of the virtual store, so that the host's browser is a phone.

The listening sockets were opened before the private world was made; sockets towards the store are made in the
namespace that is to be the visitor.
"""

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.lab.namespace import Namespace

_LONGEST_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """What arrives on `listener` goes on from `namespace` to `target`.

    With `renamed`, addresses in the answers are replaced (bytes by bytes), as the host knows other ones.
    """

    listener: socket.socket
    namespace: Namespace
    target: tuple[str, int]
    renamed: Mapping[bytes, bytes] = field(default_factory=dict)


def listen_from(first_port: int, count: int) -> list[socket.socket]:
    """Sockets on 127.0.0.1 on `count` free ports from `first_port` on (0: any). Raises OSError."""
    found: list[socket.socket] = []
    port = first_port
    while len(found) < count:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE or port >= 65535:
                raise
        else:
            found.append(listener)
        port += bool(first_port)
    return found


def serve(forwards: Sequence[Forward]) -> None:
    """Forwards for as long as this process lives, in a thread of its own."""
    threading.Thread(target=lambda: asyncio.run(_serve(forwards)), daemon=True).start()


async def _serve(forwards: Sequence[Forward]) -> None:
    for forward in forwards:

        async def visit(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, forward: Forward = forward
        ) -> None:
            with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
                await (_renaming if forward.renamed else _as_it_is)(forward, reader, writer)
            writer.close()

        await asyncio.start_server(visit, sock=forward.listener, limit=_LONGEST_HEAD_BYTES)
    await asyncio.Event().wait()


async def _connect(forward: Forward) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    outward = forward.namespace.open_socket()
    outward.setblocking(False)
    async with asyncio.timeout(10):
        await asyncio.get_running_loop().sock_connect(outward, forward.target)
    return await asyncio.open_connection(sock=outward)


async def _as_it_is(forward: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    from_store, to_store = await _connect(forward)
    try:
        await asyncio.gather(_pump(reader, to_store), _pump(from_store, writer))
    finally:
        to_store.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


async def _renaming(forward: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request without a body, one answer; the answer's length follows its new contents."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    from_store, to_store = await _connect(forward)
    try:
        to_store.write(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]))
        answer = await from_store.read(-1)
    finally:
        to_store.close()
    for name, other in forward.renamed.items():
        answer = answer.replace(name, other)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    lines.append(b"Content-Length: %d" % len(body))
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    await writer.drain()
