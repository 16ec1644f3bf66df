"""The ordered log for a box."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sync.headoffice.app import make_app
from sync.headoffice.bell import Bell
from sync.headoffice.parts import PARTS
from sync.headoffice.server import serving
from sync.headoffice.settings import Settings
from tests.integration.sync.conftest import HeadOffice


class CountedBell(Bell):
    """Tells how often somebody has begun to listen."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = asyncio.Semaphore(0)

    @contextlib.contextmanager
    def listening(self, venue_id: str) -> Iterator[asyncio.Future[None]]:
        with super().listening(venue_id) as rung:
            self._begun.release()
            yield rung

    async def is_listened_to(self) -> None:
        """Once more than when it was last asked."""
        async with asyncio.timeout(20):
            await self._begun.acquire()


async def _poll(head_office: HeadOffice, **query: int) -> dict[str, Any]:
    url = f"{head_office.url}/v1/venues/shop-1/commands"
    headers = {"Authorization": f"Bearer {head_office.upload_key}"}
    async with head_office.http.get(url, headers=headers, params=query) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


async def test_an_empty_log_answers_at_once_when_nobody_waits(head_office: HeadOffice) -> None:
    assert await _poll(head_office) == {"commands": [], "after": 0}


async def test_a_waiting_box_hears_of_a_command_and_of_no_other_stores(head_office: HeadOffice) -> None:
    now = head_office.clock.now()
    waiting = asyncio.create_task(_poll(head_office, after=0, wait=25))
    await head_office.storage.add_command("shop-2", "settings", {}, None, now)
    seq = await head_office.storage.add_command("shop-1", "settings", {"colour": "#000000"}, None, now)

    answer = await waiting
    assert answer["after"] == seq
    [command] = answer["commands"]
    assert (command["kind"], command["body"], command["expires_at"]) == (
        "settings",
        {"colour": "#000000"},
        None,
    )
    assert await _poll(head_office, after=seq) == {"commands": [], "after": seq}


async def test_a_wait_ends(head_office: HeadOffice) -> None:
    assert await _poll(head_office, after=3, wait=1) == {"commands": [], "after": 3}


async def test_a_ring_for_what_the_box_has_already_ends_no_wait(
    head_office: HeadOffice, settings: Settings
) -> None:
    app = make_app(head_office.storage, settings=settings, clock=head_office.clock)
    bell = CountedBell()
    app[PARTS] = replace(app[PARTS], bell=bell)
    async with serving(app) as url:
        waiting = asyncio.create_task(_poll(replace(head_office, url=url), after=0, wait=25))
        await bell.is_listened_to()
        bell.ring("shop-1")
        await bell.is_listened_to()
        seq = await head_office.storage.add_command("shop-1", "settings", {}, None, head_office.clock.now())
        bell.ring("shop-1")
        assert (await waiting)["after"] == seq


async def test_a_wait_of_hours_is_refused(head_office: HeadOffice) -> None:
    url = f"{head_office.url}/v1/venues/shop-1/commands?wait=3600"
    headers = {"Authorization": f"Bearer {head_office.upload_key}"}
    async with head_office.http.get(url, headers=headers) as response:
        assert (response.status, (await response.json())["key"]) == (400, "bad_wait")
