"""Connections on which nobody asks anything."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from aiohttp import web

from portal.patience import PATIENCE, Patience, whoever_asks_is_heard


@contextlib.asynccontextmanager
async def serving(patience: Patience) -> AsyncIterator[tuple[str, int]]:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application(middlewares=[whoever_asks_is_heard])
    app[PATIENCE] = patience
    app.add_routes([web.get("/", hello)])
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(patience.with_new(runner.server), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()
    await runner.cleanup()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET / HTTP/1.1\r\nHost: portal\r\n\r\n")
    async with asyncio.timeout(20):
        return await reader.readline()


async def test_a_silent_connection_is_cut_and_one_that_asked_is_not() -> None:
    patience = Patience(seconds=5)
    async with serving(patience) as address:
        silent, half = [await asyncio.open_connection(*address) for _ in range(2)]
        half[1].write(b"GET / HT")
        talking = await asyncio.open_connection(*address)
        assert await ask(*talking) == b"HTTP/1.1 200 OK\r\n"
        assert len(patience) == 2
        patience.cut_late(asyncio.get_running_loop().time() + 5)
        for reader, writer in (silent, half):
            async with asyncio.timeout(20):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            writer.close()
        talking[1].write(b"GET / HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in await talking[0].read()
        talking[1].close()
        assert len(patience) == 0


async def test_whoever_holds_many_silent_connections_keeps_nobody_out() -> None:
    patience = Patience(seconds=5, most=10)
    async with serving(patience) as address:
        greedy = [socket.create_connection(address) for _ in range(40)]
        reader, writer = await asyncio.open_connection(*address)
        assert await ask(reader, writer) == b"HTTP/1.1 200 OK\r\n"
        assert len(patience) <= 10
        writer.close()
        for one in greedy:
            one.close()


async def test_whoever_keeps_many_connections_alive_keeps_nobody_out() -> None:
    patience = Patience(seconds=5, most_talking=10)
    async with serving(patience) as address:
        greedy = [await asyncio.open_connection(*address) for _ in range(12)]
        for connection in greedy:
            assert await ask(*connection) == b"HTTP/1.1 200 OK\r\n"
        for reader, _ in greedy[:2]:
            async with asyncio.timeout(20):
                with contextlib.suppress(ConnectionResetError):
                    assert b"hello" in await reader.read()
        for connection in greedy[2:]:
            connection[1].write(b"GET / HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n")
            assert b"200 OK" in await connection[0].read()
        for _, writer in greedy:
            writer.close()


async def test_patience_ends_by_itself() -> None:
    patience = Patience(seconds=0.02)
    async with serving(patience) as address:
        watching = asyncio.create_task(patience.watch())
        reader, writer = await asyncio.open_connection(*address)
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        watching.cancel()
