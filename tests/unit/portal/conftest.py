"""A portal with real records and a gate's double; its tests run on the loop the portal runs on."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from netctl.client import GateClient
from portal.app import make_app
from sync.config import Config
from sync.records import Records, migrate, open_records
from tests.clock import FakeClock
from tests.unit.portal.gate import GateDouble

Browser = TestClient[web.Request, web.Application]
FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "http://["},
    # A page without referrer, or in a sandbox.
    {"Origin": "null"},
    # A name that its owner has made lead to us (DNS rebinding).
    {"Origin": "http://evil.example", "Host": "evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
)
"""What browsers say with a form that another website's page sends."""


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    """What yingke.toml says; a test overrides this fixture to say something else."""
    return {}


@pytest.fixture
def config(tmp_path: Path, settings: dict[str, dict[str, Any]]) -> Config:
    venue = {"name": "Jasmine Tea House", "data_dir": str(tmp_path), "run_dir": str(tmp_path)}
    return Config.parse({**settings, "venue": {**venue, **settings.get("venue", {})}})


@pytest.fixture
async def records(config: Config) -> AsyncIterator[Records]:
    path = config.venue.data_dir / "records.db"
    migrate(path)
    opened = await open_records(path, "portal")
    yield opened
    await opened.close()


@pytest.fixture
async def gate(config: Config, records: Records, clock: FakeClock) -> AsyncIterator[GateDouble]:
    double = GateDouble(config.venue.run_dir / "gate.sock", records, clock)
    await double.start()
    yield double
    await double.stop()


@pytest.fixture
async def browser(
    config: Config, records: Records, gate: GateDouble, clock: FakeClock
) -> AsyncIterator[Browser]:
    app = make_app(config, records, GateClient(gate.path), clock)
    async with TestClient(TestServer(app)) as client:
        yield client


async def fill_in(browser: Browser, language: str = "en", **typed: str) -> dict[str, str]:
    """The form's fields, with what is hidden in it and what was typed."""
    page = await (await browser.get("/register", params={"lang": language})).text()
    hidden = re.search(r'name="form" value="([^"]+)"', page)
    assert hidden
    return {"form": hidden[1], "phone": "138 0013 8000", "terms": "yes", **typed}


async def send(browser: Browser, fields: Mapping[str, str], path: str = "/register") -> ClientResponse:
    return await browser.post(path, data=fields, allow_redirects=False)


async def rows(records: Records, sql: str) -> list[dict[str, Any]]:
    return await records.read(lambda connection: [dict(row) for row in connection.execute(sql).fetchall()])
