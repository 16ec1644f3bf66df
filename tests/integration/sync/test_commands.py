"""The ordered log for a box."""

import asyncio
from typing import Any

from tests.integration.sync.conftest import HeadOffice


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


async def test_a_wait_of_hours_is_refused(head_office: HeadOffice) -> None:
    url = f"{head_office.url}/v1/venues/shop-1/commands?wait=3600"
    headers = {"Authorization": f"Bearer {head_office.upload_key}"}
    async with head_office.http.get(url, headers=headers) as response:
        assert (response.status, (await response.json())["key"]) == (400, "bad_wait")
