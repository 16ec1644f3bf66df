"""The interceptor on a real socket."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import intercept
from portal.intercept import Connection, Interceptor, is_whole, redirect_to, serve_interceptor
from portal.trace import Trace

URL = "http://10.77.0.1/"
GET = b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n"


@contextlib.asynccontextmanager
async def interceptor_on_loopback(deadline_seconds: float = 30.0) -> AsyncIterator[tuple[str, int]]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    name = listening.getsockname()
    serving = asyncio.create_task(serve_interceptor(listening, URL, deadline_seconds=deadline_seconds))
    yield name
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    async with interceptor_on_loopback() as name:
        yield name


async def ask(address: tuple[str, int], request: bytes, *, half_close: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    if half_close:
        writer.write_eof()
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "request_",
    [
        GET,
        b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000,
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://elsewhere.example/ HTTP/1.0\n\n",
        b"GET /\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 4000,
        b"hello\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
    ids=["get", "post", "options", "bare newlines", "http/0.9", "tls", "zeros", "words", "odd version"],
)
async def test_whatever_a_captive_phone_asks_it_is_sent_to_the_portal(
    address: tuple[str, int], request_: bytes
) -> None:
    head, _, body = (await ask(address, request_)).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 302 Found"
    assert f"Location: {URL}".encode() in lines
    assert b"Cache-Control: no-store" in lines
    assert b"Connection: close" in lines
    assert len(body) > 100
    assert f'href="{URL}"'.encode() in body


async def test_a_head_request_gets_the_head_alone(address: tuple[str, int]) -> None:
    answer = await ask(address, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 302 ")
    assert answer.endswith(b"\r\n\r\n")


async def test_a_head_that_comes_in_pieces_is_answered_once(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for at in range(0, len(GET), 7):
        writer.write(GET[at : at + 7])
        await writer.drain()
    answer = await reader.read()
    writer.close()
    assert answer == redirect_to(URL)


async def test_a_request_that_ends_early_is_still_sent_to_the_portal(address: tuple[str, int]) -> None:
    assert await ask(address, b"GET /hotspot", half_close=True) == redirect_to(URL)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: captive.apple.com\r\nHost: 10.77.0.1\r\n\r\n",
        b"GET http://10.77.0.1/owner HTTP/1.1\r\nHost: 10.78.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: evil.example\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 0\r\n\r\n0123",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"CONNECT news.example:443 HTTP/1.1\r\nHost: news.example:443\r\n\r\n",
    ],
)
async def test_no_trick_with_hosts_or_lengths_changes_the_one_answer(
    address: tuple[str, int], head: bytes
) -> None:
    smuggled = b"GET /second HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert await ask(address, head + smuggled) == redirect_to(URL)


async def test_a_redirect_is_noted_under_the_phones_address_with_who_asked() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    trace, name = Trace(), listening.getsockname()
    serving = asyncio.create_task(serve_interceptor(listening, URL, trace=trace))
    await ask(name, GET)
    (fact,) = trace.take()
    assert (str(fact.ip), fact.step, fact.detail, fact.count) == ("127.0.0.1", "check", "Android", 1)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


TOKEN = "AQFrAmjAAAAAewARIjNEVWZ3yNEeQrAW4YLbe-BJWQtgDmQ1QezEDTd7"


async def test_a_grant_link_goes_on_to_the_same_link_at_our_address(address: tuple[str, int]) -> None:
    """Wherever its host leads: a phone with a strict private resolver does not hear that it is us."""
    link = f"/g/{TOKEN} HTTP/1.1\r\nHost: wifi.example\r\n\r\n".encode()
    assert await ask(address, b"GET " + link) == redirect_to(f"{URL}g/{TOKEN}")
    head = await ask(address, b"HEAD " + link)
    assert f"Location: {URL}g/{TOKEN}\r\n".encode() in head
    assert head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "path",
    [f"/g/{TOKEN}A", f"/g/{TOKEN[:-1]}", f"/g/{TOKEN[:-1]}%", f'/g/{TOKEN[:-1]}"', f"/x/g/{TOKEN}", "/g/"],
)
async def test_what_only_looks_like_a_grant_link_comes_back_as_little_as_anything(
    address: tuple[str, int], path: str
) -> None:
    assert await ask(address, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) == redirect_to(URL)


async def test_nothing_that_was_asked_comes_back(address: tuple[str, int]) -> None:
    answer = await ask(address, b"GET /<script>steal()</script> HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert b"steal" not in answer
    assert b"evil" not in answer


async def test_a_slow_phone_is_cut_and_the_next_one_served() -> None:
    async with interceptor_on_loopback(deadline_seconds=0.05) as address:
        with contextlib.suppress(ConnectionResetError):
            assert await ask(address, b"GET / HT") == b""
        assert await ask(address, GET) == redirect_to(URL)


async def test_one_phone_cannot_hold_all_connections() -> None:
    interceptor = Interceptor(URL)
    greedy = [Connection(interceptor) for _ in range(intercept.MOST_CONNECTIONS_PER_ADDRESS + 5)]
    taken = [connection for connection in greedy if interceptor.admits(connection, "10.77.3.4")]
    assert len(taken) == intercept.MOST_CONNECTIONS_PER_ADDRESS
    assert interceptor.admits(Connection(interceptor), "10.77.3.5")
    interceptor.forget(taken[0], "10.77.3.4")
    assert interceptor.admits(Connection(interceptor), "10.77.3.4")


async def test_when_all_places_are_held_the_one_held_longest_is_given_up() -> None:
    interceptor = Interceptor(URL)
    held = []
    for at in range(intercept.MOST_CONNECTIONS + 1):
        connection = Connection(interceptor)
        connection.address = f"10.77.{at // 100}.1"
        assert interceptor.admits(connection, connection.address)
        held.append(connection)
    assert len(interceptor) == intercept.MOST_CONNECTIONS
    assert held[0] not in interceptor
    assert held[-1] in interceptor


async def test_nothing_is_kept_of_a_connection_that_ended() -> None:
    interceptor = Interceptor(URL)
    connections = [Connection(interceptor) for _ in range(20)]
    for connection in connections:
        assert interceptor.admits(connection, "10.77.3.4")
    for connection in [*connections, connections[0]]:
        interceptor.forget(connection, "10.77.3.4")
    assert len(interceptor) == 0
    assert interceptor.addresses() == []


async def test_a_phone_that_resets_does_no_harm(address: tuple[str, int]) -> None:
    for _ in range(50):
        rude = socket.create_connection(address)
        rude.send(b"GET /")
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
    assert await ask(address, GET) == redirect_to(URL)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.one_of(st.binary(max_size=600), st.builds(lambda tail: b"GET /" + tail, st.binary())))
def test_no_bytes_get_anything_but_the_redirect(garbage: bytes) -> None:
    async def scene() -> bytes:
        async with interceptor_on_loopback() as address:
            return await ask(address, garbage, half_close=True)

    answer = uvloop.run(scene())
    if garbage.startswith(b"HEAD "):
        assert answer == Interceptor(URL).head_answer
    else:
        assert answer == (redirect_to(URL) if garbage else b"")


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_more_bytes_never_make_a_whole_head_unfinished(start: bytes, more: bytes) -> None:
    if is_whole(start):
        assert is_whole(start + more)


def test_an_endless_head_is_not_waited_for() -> None:
    assert is_whole(b"GET /" + b"a" * intercept.LARGEST_HEAD_BYTES)
