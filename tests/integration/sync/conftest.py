"""A head office served on loopback, with one store, its keys, and a clock that goes when it is told to."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sync.headoffice.app import make_app
from sync.headoffice.keys import new_key
from sync.headoffice.server import serving
from sync.headoffice.settings import Settings
from sync.headoffice.sqlite.migrations import DEFAULT_BRAND
from sync.headoffice.sqlite.storage import SqliteStorage
from tests.clock import FakeClock

EPOCH = "01JDAAAAAAAAAAAAAAAAAAAAAA"


def event(seq: int, type_: str, body: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A line of an upload; its event_id follows from its seq."""
    return {
        "epoch": EPOCH,
        "seq": seq,
        "event_id": f"event-{seq}",
        "type": type_,
        "at": "2026-11-23T07:59:00.000000Z",
        "clock": "synced",
        "boot_id": "11111111-1111-4111-8111-111111111111",
        "monotonic_ms": 1000 * seq,
        "body": body,
    } | changed


def lead(seq: int, lead_id: str = "lead-1", **changed: Any) -> dict[str, Any]:
    body = {
        "lead_id": lead_id,
        "name": "Wang Xiaoming",
        "phone": "+8613800138000",
        "email": None,
        "locale": "zh_CN",
        "method": "form",
        "registered_at": "2026-11-23T07:59:00.000000Z",
    }
    return event(seq, "lead.captured", body | changed)


def ndjson(*lines: dict[str, Any] | bytes) -> bytes:
    return b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOffice:
    """What a test needs of it: where it answers, keys, and a client without any."""

    url: str
    storage: SqliteStorage
    clock: FakeClock
    http: aiohttp.ClientSession
    upload_key: str
    pull_key: str
    pii_key: str
    venue_id: str = "shop-1"

    async def upload(
        self, body: bytes, *, key: str | None = None, venue_id: str | None = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        sent = {"Authorization": f"Bearer {key or self.upload_key}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        url = f"{self.url}/v1/venues/{venue_id or self.venue_id}/events"
        async with self.http.post(url, data=body, headers=sent) as response:
            return response.status, await response.json(content_type=None)

    async def send(self, *lines: dict[str, Any] | bytes) -> dict[str, Any]:
        status, answer = await self.upload(ndjson(*lines))
        assert status == 200, answer
        return answer

    async def pull(
        self, table: str, *, key: str | None = None, cursor: str = "", **query: int
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key or self.pii_key}"}
        async with self.http.get(
            f"{self.url}/v1/{table}", headers=headers, params={"cursor": cursor, **query}
        ) as response:
            page: dict[str, Any] = await response.json()
            assert response.status == 200, page
            return page

    async def rows(self, table: str, *, since_seq: int = 0, limit: int = 500) -> list[dict[str, Any]]:
        page = await self.pull(table, since_seq=since_seq, limit=limit)
        data: list[dict[str, Any]] = page["data"]
        return data


@pytest.fixture
def settings() -> Settings:
    """Bounds small enough to run into."""
    settings = Settings.parse({})
    return replace(
        settings,
        limits=replace(
            settings.limits,
            upload_kilobytes=64,
            unpacked_kilobytes=512,
            upload_lines=1000,
            requests_burst=100_000,
        ),
    )


@pytest.fixture
async def head_office(tmp_path: Path, settings: Settings) -> AsyncIterator[HeadOffice]:
    clock = FakeClock()
    storage = SqliteStorage(tmp_path / "headoffice.db")
    venue = await storage.add_venue("shop-1", "Café One", DEFAULT_BRAND, clock.now())
    await storage.add_venue("shop-2", "Café Two", DEFAULT_BRAND, clock.now())
    pull_key, stored = new_key("pull", "data team", scopes=("read",))
    await storage.add_key(stored, clock.now())
    pii_key, stored = new_key("pull", "crm team", scopes=("read", "pii"))
    await storage.add_key(stored, clock.now())
    app = make_app(storage, settings=settings, clock=clock)
    async with serving(app) as url, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield HeadOffice(
            url=url,
            storage=storage,
            clock=clock,
            http=http,
            upload_key=venue.upload_key,
            pull_key=pull_key,
            pii_key=pii_key,
        )
    await storage.close()
