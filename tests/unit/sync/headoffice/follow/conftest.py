"""A head office's database with two stores that were heard from, and an account with codes for both."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.envelope import from_line
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.decide import Says
from sync.headoffice.follow.event import Answer, FollowEvent
from sync.headoffice.follow.scene import Scene
from sync.headoffice.follow.storage import Heard, Hearing, Terms, Unminted
from sync.headoffice.projection import project
from sync.headoffice.sqlite.storage import SqliteStorage
from sync.headoffice.storage import Accepted, Batch, Command, Health
from tests.clock import FakeClock
from tests.integration.sync.conftest import event as line_of
from tests.integration.sync.conftest import ndjson

ACCOUNT = Account(name="main", platform="wechat", title="Tea House", id="wx1")
TERMS = Terms(links="http://wifi.example.com", grant_minutes=30, session_seconds=7200)


def say(key: Says, link: str | None, code: str | None) -> Answer:
    return Answer(text=key, link=link, code=code)


@dataclass(slots=True)
class Books:
    """The database, and what is asked of it in these tests."""

    storage: SqliteStorage
    clock: FakeClock
    codes: dict[str, list[Unminted]] = field(default_factory=dict)
    heard: int = 0
    sent: int = 0

    async def hear(self, kind: str = "follow", subject: str = "mei", **said: Any) -> Heard:
        """An event of now, with a dedupe key of its own unless the test gives one."""
        self.heard += 1
        hearing = {name: said.pop(name) for name in ("platform_says", "too_often") if name in said}
        reply = said.pop("reply", say)
        values: dict[str, Any] = {
            "platform": "wechat",
            "account": "main",
            "subject_id": subject,
            "kind": kind,
            "scene": None,
            "code": None,
            "occurred_at": self.clock.now(),
            "dedupe_key": f"event-{self.heard}",
        }
        event = FollowEvent(**(values | said))
        return await self.storage.follow.hear(
            ACCOUNT, Hearing(event=event, **hearing), TERMS, reply, self.clock.now()
        )

    async def fill(self) -> None:
        """Codes for everything that wants some, with QRs that say their scene."""
        now = self.clock.now()
        await self.storage.follow.reserve([ACCOUNT], 4, now)
        waiting = await self.storage.follow.unminted("main", 100)
        urls = [(code, "http://weixin.qq.com/q/" + str(_scene(code))) for code in waiting]
        await self.storage.follow.minted(urls, now + timedelta(days=30), now)
        for code in waiting:
            self.codes.setdefault(f"{code.kind} {code.venue_id}", []).append(code)

    def scene(self, kind: str = "session", venue_id: str = "north", place: int = 0) -> str:
        return str(_scene(self.codes[f"{kind} {venue_id}"][place]))

    async def commands(self, kind: str, venue_id: str = "north") -> list[dict[str, Any]]:
        return [command.body for command in await self.log(venue_id) if command.kind == kind]

    async def log(self, venue_id: str = "north") -> list[Command]:
        return await self.storage.commands(venue_id, 0, 1000)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return await self.storage.page(table, 0, 1000)

    async def tells(self, type_: str, body: dict[str, Any], venue_id: str = "north") -> None:
        """The box uploads one event."""
        self.sent += 1
        line = from_line(ndjson(line_of(self.sent, type_, body)))
        accepted = Accepted(line=line, change=project(line))
        await self.storage.receive(
            Batch(
                venue_id=venue_id,
                accepted=[accepted],
                refused=[],
                health=Health(),
                received_at=self.clock.now(),
            )
        )


def _scene(code: Unminted) -> Scene:
    return Scene(kind=code.kind, venue_number=code.venue_number, ref=code.ref or None)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    clock = FakeClock()
    storage = SqliteStorage(tmp_path / "headoffice.db")
    books = Books(storage=storage, clock=clock)
    for venue_id in ("north", "south"):
        await storage.add_venue(venue_id, f"Tea House {venue_id}", "default", clock.now())
        await storage.receive(
            Batch(venue_id=venue_id, accepted=[], refused=[], health=Health(), received_at=clock.now())
        )
    await books.fill()
    yield books
    await storage.close()
