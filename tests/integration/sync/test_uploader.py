"""The uploader against a real head office, and against answers no head office would give."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import zstandard
from aiohttp import web

from sync import answer
from sync.config import Config
from sync.headoffice.server import serving
from sync.model import new_event
from sync.records import Records, migrate, open_records, outbox, upload_state
from sync.upload import Uploader
from tests.clock import FakeClock
from tests.integration.sync.conftest import HeadOffice

Answers = Callable[[web.Request], Awaitable[web.Response]]


class Box:
    """A box with its records, uploading to an address."""

    def __init__(
        self, records: Records, http: aiohttp.ClientSession, config: Config, clock: FakeClock
    ) -> None:
        self.records = records
        self.clock = clock
        self.uploader = Uploader(config, records, http, clock, chance=lambda: 1.0)

    async def visits(self, *names: str) -> None:
        for name in names:
            body = {
                "visit_id": name,
                "started_at": "2026-11-23T07:00:00.000000Z",
                "ended_at": "2026-11-23T07:30:00.000000Z",
                "dwell_seconds": 1800,
            }
            await self.records.write(outbox.append, new_event("visit.ended", body, self.clock))

    async def left(self) -> int:
        return await self.records.read(outbox.count)

    async def state(self) -> upload_state.UploadState:
        return await self.records.read(upload_state.read)

    async def set_aside(self) -> list[tuple[int, str]]:
        return await self.records.read(
            lambda connection: [
                (row["seq"], row["key"]) for row in connection.execute("SELECT seq, key FROM rejected_events")
            ]
        )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    key_file = tmp_path / "upload_key"
    key_file.write_text("yk_000000000000_x\n")
    return Config.parse(
        {
            "venue": {"id": "shop-1", "data_dir": str(tmp_path)},
            "sync": {"upload_key_file": str(key_file), "batch_events": 100},
        }
    )


def _at(config: Config, url: str) -> Config:
    return replace(config, sync=replace(config.sync, head_office_url=url))


@pytest.fixture
async def records(config: Config) -> AsyncIterator[Records]:
    path = config.venue.data_dir / "records.db"
    migrate(path)
    records = await open_records(path, "sync")
    yield records
    await records.close()


@pytest.fixture
def box(head_office: HeadOffice, config: Config, records: Records) -> Box:
    config.sync.upload_key_file.write_text(head_office.upload_key)
    return Box(records, head_office.http, _at(config, head_office.url), head_office.clock)


async def test_what_happened_arrives_once_and_leaves_the_box(box: Box, head_office: HeadOffice) -> None:
    await box.visits(*(f"visit-{number}" for number in range(250)))

    assert [await box.uploader.step() for _ in range(3)] == [0.0, 0.0, 0.0]

    assert await box.left() == 0
    rows = await head_office.rows("visits")
    assert [row["id"] for row in rows] == [f"visit-{number}" for number in range(250)]
    state = await box.state()
    assert (state.acknowledged_seq, state.last_error) == (250, None)
    assert state.last_success_at == head_office.clock.now()


async def test_a_quiet_box_greets_once_a_minute(box: Box, head_office: HeadOffice) -> None:
    for _ in range(5):
        assert await box.uploader.step() == 2
    head_office.clock.advance(61)
    await box.uploader.step()

    async with head_office.http.get(f"{head_office.url}/metrics") as response:
        assert 'route="/v1/venues/{venue_id}/events",status="200"} 2' in await response.text()
    [venue, _] = await head_office.storage.venues_since(head_office.clock.now())
    assert venue.last_seen_at == head_office.clock.now()
    assert venue.health.version


async def test_a_line_that_head_office_refuses_is_set_aside_and_the_rest_goes_on(
    box: Box, head_office: HeadOffice
) -> None:
    await box.visits("visit-1")
    bad = new_event("visit.ended", {"visit_id": "visit-2", "started_at": "yesterday"}, head_office.clock)
    await box.records.write(outbox.append, bad)
    await box.visits("visit-3")

    await box.uploader.step()

    assert [row["id"] for row in await head_office.rows("visits")] == ["visit-1", "visit-3"]
    assert await box.left() == 0
    assert await box.set_aside() == [(2, "bad_body")]


async def test_a_key_that_is_not_accepted_leaves_everything_in_the_queue(
    box: Box, config: Config, head_office: HeadOffice
) -> None:
    await box.visits("visit-1")
    config.sync.upload_key_file.write_text("yk_000000000000_wrong")
    assert await box.uploader.step() == 1.0
    assert await box.uploader.step() == 2.0
    assert (await box.state()).last_error == answer.KEY_REFUSED
    config.sync.upload_key_file.unlink()
    assert await box.uploader.step() == 4.0
    assert (await box.state()).last_error == answer.NO_KEY
    assert await box.left() == 1

    config.sync.upload_key_file.write_text(head_office.upload_key)
    assert await box.uploader.step() == 0.0
    assert (await box.state()).last_error is None
    assert await box.left() == 0


async def test_an_answer_that_is_lost_doubles_nothing(
    box: Box, config: Config, head_office: HeadOffice
) -> None:
    """A proxy delivers the upload and cuts the connection before the answer."""
    await box.visits("visit-1", "visit-2")
    lost = 0

    async def cut(request: web.Request) -> web.Response:
        nonlocal lost
        body = zstandard.ZstdDecompressor().decompressobj().decompress(await request.read())
        status, _ = await head_office.upload(body)
        assert status == 200
        lost += 1
        assert request.transport
        request.transport.close()
        return web.Response()

    async with _answering(cut) as url:
        cut_off = Box(box.records, head_office.http, _at(config, url), head_office.clock)
        await cut_off.uploader.step()
    assert lost >= 1
    assert await box.left() == 2

    await box.uploader.step()
    assert await box.left() == 0
    assert [row["id"] for row in await head_office.rows("visits")] == ["visit-1", "visit-2"]


def _answering(answers: Answers) -> AbstractAsyncContextManager[str]:
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answers)
    return serving(app)


GARBAGE: dict[str, tuple[int, bytes, str]] = {
    "a captive portal's page": (200, b"<html>please sign in</html>", answer.NOT_UNDERSTOOD),
    "nothing": (200, b"", answer.NOT_UNDERSTOOD),
    "another epoch": (200, b'{"epoch": "e", "acknowledged": 2, "rejected": []}', answer.NOT_UNDERSTOOD),
    "too much": (200, b'{"epoch": "EPOCH", "acknowledged": 3, "rejected": []}', answer.NOT_UNDERSTOOD),
    "not a number": (200, b'{"epoch": "EPOCH", "acknowledged": true}', answer.NOT_UNDERSTOOD),
    "a list": (200, b"[]", answer.NOT_UNDERSTOOD),
    "a deep hole": (200, b"[" * 100_000, answer.NOT_UNDERSTOOD),
    "five megabytes": (200, b" " * 5_000_000, answer.NOT_UNDERSTOOD),
    "moved": (301, b"", answer.NOT_UNDERSTOOD),
    "not found": (404, b"", answer.NOT_UNDERSTOOD),
    "a proxy's 422": (422, b"<html>", answer.NOT_UNDERSTOOD),
    "broken": (500, b'{"epoch": "EPOCH", "acknowledged": 2, "rejected": []}', answer.IN_TROUBLE),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_no_garbage_takes_anything_out_of_the_queue(
    box: Box, config: Config, head_office: HeadOffice, garbage: str
) -> None:
    status, body, sentence = GARBAGE[garbage]
    await box.visits("visit-1", "visit-2")
    epoch = (await box.state()).epoch

    async def answers(_: web.Request) -> web.Response:
        headers = {"Location": "https://elsewhere.example/"} if status == 301 else {}
        return web.Response(status=status, body=body.replace(b"EPOCH", epoch.encode()), headers=headers)

    async with _answering(answers) as url:
        elsewhere = Box(box.records, head_office.http, _at(config, url), head_office.clock)
        assert await elsewhere.uploader.step() == 1.0

    assert await box.left() == 2
    assert await box.set_aside() == []
    assert (await box.state()).last_error == sentence


async def test_retry_after_is_waited_for(box: Box, config: Config, head_office: HeadOffice) -> None:
    async def answers(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "17"})

    await box.visits("visit-1")
    async with _answering(answers) as url:
        elsewhere = Box(box.records, head_office.http, _at(config, url), head_office.clock)
        assert await elsewhere.uploader.step() == 17 + 1.0
    assert (await box.state()).last_error == answer.BUSY


async def test_a_batch_that_is_too_large_is_halved_and_a_line_that_is_too_large_set_aside(
    box: Box, config: Config, head_office: HeadOffice
) -> None:
    """What answers takes three lines at most, and visit-4 never."""

    async def answers(request: web.Request) -> web.Response:
        body = zstandard.ZstdDecompressor().decompressobj().decompress(await request.read())
        if body.count(b"\n") > 2 or b"visit-4" in body:
            return web.Response(status=413)
        status, said = await head_office.upload(body)
        return web.json_response(said, status=status)

    await box.visits(*(f"visit-{number}" for number in range(9)))
    async with _answering(answers) as url:
        elsewhere = Box(box.records, head_office.http, _at(config, url), head_office.clock)
        for _ in range(40):
            await elsewhere.uploader.step()

    assert await box.left() == 0
    assert await box.set_aside() == [(5, "refused_413")]
    ids = [row["id"] for row in await head_office.rows("visits")]
    assert ids == [f"visit-{number}" for number in range(9) if number != 4]


async def test_nobody_at_the_address_is_a_sentence_and_longer_waits(
    box: Box, config: Config, head_office: HeadOffice
) -> None:
    async with serving(web.Application()) as url:
        pass
    await box.visits("visit-1")
    alone = Box(box.records, head_office.http, _at(config, url), head_office.clock)
    waits = [await alone.uploader.step() for _ in range(10)]

    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0]
    assert (await box.state()).last_error == answer.NOT_REACHED
    assert await box.left() == 1
