"""A box that asks about a shopper, against a real head office and against none."""

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from sync import roaming_code
from sync.config import Config
from sync.conversation import Conversation
from sync.headoffice.server import serving
from sync.records import Records, grants, migrate, open_records, roaming
from sync.records.roaming import UNREACHABLE, RoamingRequest
from sync.roaming import ASK_AGAIN_SECONDS, LOOK_SECONDS, Roaming
from tests.integration.sync.conftest import HeadOffice, event, lead

CODE = roaming_code.digest("01AB1XYZ90")
WISH = RoamingRequest(request_id="wish-1", ip="10.77.0.11", code_sha256=CODE, contact="+8613800138000")


@pytest.fixture
async def south(tmp_path: Path, head_office: HeadOffice) -> Config:
    """The settings of a store of the same brand as shop-1, where the session is."""
    now = head_office.clock.now()
    venue = await head_office.storage.add_venue("south", "South", "default", now)
    await head_office.storage.set_roaming("default", on=True)
    body = {
        "session_id": "session-1",
        "lead_id": "lead-1",
        "started_at": "2026-11-23T08:00:00.000000Z",
        "seconds_granted": 3600,
        "roaming_sha256": CODE,
    }
    await head_office.send(lead(1), event(2, "session.started", body))
    (tmp_path / "upload_key").write_text(venue.upload_key)
    return Config.parse(
        {
            "venue": {"id": "south", "data_dir": str(tmp_path), "run_dir": str(tmp_path)},
            "sync": {"head_office_url": head_office.url, "upload_key_file": str(tmp_path / "upload_key")},
        }
    )


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Records]:
    migrate(tmp_path / "records.db")
    records = await open_records(tmp_path / "records.db", "portal")
    yield records
    await records.close()


@pytest.fixture
async def records(tmp_path: Path, portal: Records) -> AsyncIterator[Records]:
    records = await open_records(tmp_path / "records.db", "sync")
    yield records
    await records.close()


def _roaming(config: Config, records: Records, head_office: HeadOffice) -> Roaming:
    return Roaming(config, records, Conversation(config, head_office.http), head_office.clock)


async def test_her_session_of_another_store_opens_the_gate_here(
    south: Config, portal: Records, records: Records, head_office: HeadOffice
) -> None:
    head_office.clock.advance(600)
    await portal.write(roaming.ask, WISH, head_office.clock)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as wake:
        wake.bind(str(south.venue.run_dir / "wake.sock"))
        assert await _roaming(south, records, head_office).step() == LOOK_SECONDS
        assert wake.recv(1) == b""
    [request] = await records.read(grants.pending, head_office.clock)
    assert (request.request_id, request.ip, request.lead_id) == ("wish-1", WISH.ip, "lead-1")
    assert (request.method, request.session_seconds) == ("roaming", 3000)


async def test_a_no_is_kept_for_her_to_read(
    south: Config, portal: Records, records: Records, head_office: HeadOffice
) -> None:
    await portal.write(roaming.ask, replace(WISH, contact="x@example.com"), head_office.clock)
    await _roaming(south, records, head_office).step()
    refusal = await portal.read(roaming.refusal_of, "wish-1")
    assert refusal
    assert refusal.key == "wrong_contact"
    assert await records.read(grants.pending, head_office.clock) == []


async def test_with_the_line_down_she_is_told_and_asked_for_again(
    south: Config, portal: Records, records: Records, head_office: HeadOffice
) -> None:
    async with serving(web.Application()) as url:
        pass
    down = replace(south, sync=replace(south.sync, head_office_url=url))
    wishes = [replace(WISH, request_id=f"wish-{number}") for number in (1, 2)]
    for wish in wishes:
        await portal.write(roaming.ask, wish, head_office.clock)
    assert await _roaming(down, records, head_office).step() == ASK_AGAIN_SECONDS
    for wish in wishes:
        refusal = await portal.read(roaming.refusal_of, wish.request_id)
        assert refusal
        assert refusal.key == UNREACHABLE

    await _roaming(south, records, head_office).step()
    granted = await records.read(grants.pending, head_office.clock)
    assert [request.request_id for request in granted] == ["wish-1", "wish-2"]


@pytest.mark.parametrize(
    "answer",
    [
        {"grant_id": "g", "session_seconds": 0, "lead_id": "l"},
        {"grant_id": "g", "session_seconds": 10**12, "lead_id": "l"},
        {"grant_id": 7, "session_seconds": 60, "lead_id": "l"},
        {"grant_id": "g", "session_seconds": True},
    ],
)
async def test_an_odd_grant_opens_nothing(
    south: Config,
    portal: Records,
    records: Records,
    head_office: HeadOffice,
    answer: dict[str, object],
) -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.Response(text=json.dumps(answer))

    app = web.Application()
    app.router.add_post("/v1/venues/south/roaming", odd)
    await portal.write(roaming.ask, WISH, head_office.clock)
    async with serving(app) as url:
        elsewhere = replace(south, sync=replace(south.sync, head_office_url=url))
        await _roaming(elsewhere, records, head_office).step()
    refusal = await portal.read(roaming.refusal_of, "wish-1")
    assert refusal
    assert refusal.key == "over"
    assert await records.read(grants.pending, head_office.clock) == []


async def test_without_a_key_nothing_is_asked(
    south: Config, portal: Records, records: Records, head_office: HeadOffice
) -> None:
    south.sync.upload_key_file.unlink()
    await portal.write(roaming.ask, WISH, head_office.clock)
    assert await _roaming(south, records, head_office).step() == ASK_AGAIN_SECONDS
    refusal = await portal.read(roaming.refusal_of, "wish-1")
    assert refusal
    assert refusal.key == UNREACHABLE
