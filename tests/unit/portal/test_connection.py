"""What is no HTTP at all, sent to the pages."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from netctl.api import TakePass
from netctl.client import GateClient
from portal.app import make_app
from portal.connection import Connection
from portal.site import SITE
from sync.config import Config
from sync.records import Records
from tests.clock import FakeClock
from tests.unit.portal.conftest import Browser
from tests.unit.portal.gate import GateDouble

FORM = b"POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
async def address(
    config: Config, records: Records, gate: GateDouble, clock: FakeClock
) -> AsyncIterator[tuple[str, int]]:
    app = make_app(config, records, GateClient(gate.path), clock)
    runner = web.AppRunner(app)
    await runner.setup()
    answering, loop = runner.server, asyncio.get_running_loop()
    assert answering is not None
    server = await loop.create_server(lambda: Connection(answering, app[SITE].pages, loop), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET /<script>secret HTTP/9\r\n\r\n",
        b"\x00\x01secret\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"secret" * 5000 + b"\r\n\r\n",
        FORM + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
        FORM + b"Transfer-Encoding: chunked\r\n\r\nsecret\r\nfff\r\n",
        FORM + b"Content-Encoding: gzip\r\nContent-Length: 6\r\n\r\nsecret",
        FORM + b"Content-Length: -1\r\n\r\n",
    ],
    ids=["version", "binary", "long head", "two lengths", "bad chunk", "bad gzip", "negative length"],
)
async def test_what_is_no_http_gets_a_page_and_is_nowhere_repeated(
    address: tuple[str, int], garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    with caplog.at_level(logging.DEBUG):
        writer.write(garbage)
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(20):
                answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] == b"400"
    assert b"cannot read" in answer
    assert b"X-Content-Type-Options: nosniff" in answer
    assert b"secret" not in answer
    assert "secret" not in caplog.text
    assert "127.0.0.1" not in caplog.text


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 5\r\nContent-Length: 50\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5\r\n Content-Length: 50\r\n",
    ],
)
async def test_no_request_is_smuggled_behind_one_whose_length_is_in_doubt(
    address: tuple[str, int], gate: GateDouble, lengths: bytes
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(FORM + lengths + b"\r\n0\r\n\r\nPOST /pass HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(20):
            answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] == b"400"
    assert answer.count(b"HTTP/1.") == 1
    assert not [asked for asked in gate.asked if isinstance(asked, TakePass)]


async def test_a_body_that_is_no_gzip_is_the_senders_fault(browser: Browser) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.post("/register", data=b"hello", headers=headers)).status == 400
