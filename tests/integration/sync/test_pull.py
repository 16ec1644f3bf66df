"""What the data team pulls."""

import asyncio
from typing import Any

import pytest

from sync.headoffice.tables import TABLES
from tests.integration.sync.conftest import HeadOffice, event, lead

FOOTFALL = {
    "footfall_id": "f-1",
    "window_start": "2026-11-23T08:00:00.000000Z",
    "window_seconds": 300,
    "devices": 40,
    "low": 35,
    "high": 46,
    "inside": 12,
    "passers_by": 28,
    "stations": 6,
    "dwell_histogram": {"60": 20, "300": 20},
    "method": "fingerprint",
    "naive_macs": 90,
    "frames": 400,
    "inside_dbm": -65,
    "estimator_version": "1",
}


async def test_pages_follow_each_other_and_the_last_says_so(head_office: HeadOffice) -> None:
    await head_office.send(*(lead(seq, f"lead-{seq}") for seq in range(1, 8)))

    pages = [await head_office.pull("leads", limit=3, since_seq=0)]
    while pages[-1]["has_more"]:
        # As dlt does: since_seq goes with every page, and the cursor wins.
        pages.append(await head_office.pull("leads", limit=3, since_seq=0, cursor=pages[-1]["next_cursor"]))

    assert [len(page["data"]) for page in pages] == [3, 3, 1]
    assert pages[-1]["next_cursor"] is None
    rows = [row for page in pages for row in page["data"]]
    assert [row["id"] for row in rows] == [f"lead-{seq}" for seq in range(1, 8)]
    assert [row["seq"] for row in rows] == sorted({row["seq"] for row in rows})
    highest = rows[-1]["seq"]
    assert await head_office.pull("leads", since_seq=highest) == {
        "data": [],
        "next_cursor": None,
        "has_more": False,
    }


async def test_a_row_that_changes_comes_again_with_a_higher_seq(head_office: HeadOffice) -> None:
    await head_office.send(lead(1), lead(2, "lead-2"))
    highest = (await head_office.rows("leads"))[-1]["seq"]
    await head_office.send(lead(3, name="Wang Daming"))

    [row] = await head_office.rows("leads", since_seq=highest)
    assert (row["id"], row["name"], row["phone"]) == ("lead-1", "Wang Daming", "+8613800138000")


@pytest.mark.parametrize("table", TABLES)
async def test_every_table_of_the_contract_is_there(head_office: HeadOffice, table: str) -> None:
    page = await head_office.pull(table)

    assert isinstance(page["data"], list)
    if table == "venues":
        assert [(row["id"], row["name"], row["venue_number"]) for row in page["data"]] == [
            ("shop-1", "Café One", 1),
            ("shop-2", "Café Two", 2),
        ]
    else:
        assert page["data"] == []


async def test_personal_fields_are_shown_only_to_keys_with_pii(head_office: HeadOffice) -> None:
    await head_office.send(lead(1, email="wang@example.com"))

    [shown] = await head_office.rows("leads")
    [hidden] = (await head_office.pull("leads", key=head_office.pull_key))["data"]
    assert (shown["name"], shown["phone"], shown["email"]) == (
        "Wang Xiaoming",
        "+8613800138000",
        "wang@example.com",
    )
    assert (hidden["name"], hidden["phone"], hidden["email"]) == (None, None, None)
    assert hidden["locale"] == shown["locale"] == "zh_CN"


async def test_counts_of_few_people_are_null(head_office: HeadOffice) -> None:
    await head_office.send(
        event(1, "footfall.counted", FOOTFALL),
        event(2, "footfall.counted", FOOTFALL | {"footfall_id": "f-2", "inside": 3, "passers_by": 37}),
    )

    plain, suppressed = await head_office.rows("footfall")
    assert plain["suppressed"] is False
    assert plain["dwell_histogram"] == {"60": 20, "300": 20}
    assert suppressed["suppressed"] is True
    assert (suppressed["devices"], suppressed["inside"], suppressed["passers_by"]) == (40, None, None)


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("limit=0", "bad_limit"),
        ("limit=1001", "bad_limit"),
        ("limit=ten", "bad_limit"),
        ("since_seq=-1", "bad_since_seq"),
        ("since_seq=9999999999999999999", "bad_since_seq"),
        ("cursor=garbage", "bad_cursor"),
        ("cursor=%C3%BC", "bad_cursor"),
    ],
)
async def test_400_names_what_is_wrong_in_the_question(head_office: HeadOffice, query: str, key: str) -> None:
    assert await _problem(head_office, f"/v1/leads?{query}", head_office.pii_key) == (400, key)


async def test_a_cursor_of_another_table_is_refused(head_office: HeadOffice) -> None:
    cursor = (await head_office.pull("venues", limit=1))["next_cursor"]
    found = await _problem(head_office, f"/v1/leads?cursor={cursor}", head_office.pii_key)
    assert found == (400, "bad_cursor")


async def test_problems_by_status(head_office: HeadOffice) -> None:
    assert await _problem(head_office, "/v1/leads", None) == (401, "unauthorised")
    assert await _problem(head_office, "/v1/leads", head_office.upload_key) == (403, "kind_of_key")
    assert await _problem(head_office, "/v1/nothing", head_office.pii_key) == (404, "no_such_table")
    assert await _problem(head_office, "/v1/a/b/c", None) == (404, "no_such_address")


async def _problem(head_office: HeadOffice, path: str, key: str | None) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with head_office.http.get(head_office.url + path, headers=headers) as response:
        assert response.content_type == "application/problem+json"
        problem: dict[str, Any] = await response.json()
        assert problem["status"] == response.status
        return response.status, problem["key"]


async def test_a_pull_while_stores_upload_misses_no_row(head_office: HeadOffice) -> None:
    leads = 600
    seen: dict[str, str] = {}

    async def upload() -> None:
        for start in range(1, leads, 20):
            await asyncio.gather(
                head_office.send(*(lead(seq, f"lead-{seq}") for seq in range(start, start + 10))),
                head_office.send(*(lead(seq, f"lead-{seq}") for seq in range(start + 10, start + 20))),
                # One that was pulled before changes again.
                head_office.send(lead(10_000 + start, "lead-1", name=f"Name {start}")),
            )

    async def pull(until: asyncio.Task[None]) -> None:
        since_seq, last_look = 0, False
        while not last_look:
            last_look = until.done()
            for row in await head_office.rows("leads", since_seq=since_seq, limit=7):
                assert row["seq"] > since_seq
                since_seq = row["seq"]
                seen[row["id"]] = row["name"]
                last_look = False

    uploading = asyncio.create_task(upload())
    await pull(uploading)
    await uploading

    assert len(seen) == leads
    assert seen["lead-1"] == f"Name {leads - 19}"


async def test_nothing_personal_stands_in_the_log(
    head_office: HeadOffice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="yingke.headoffice.access")
    await head_office.send(lead(1))
    await head_office.rows("leads", since_seq=0)

    lines = [record.getMessage() for record in caplog.records]
    assert any("POST /v1/venues/{venue_id}/events 200" in line for line in lines)
    assert any("GET /v1/{table} 200" in line for line in lines)
    assert not any(word in line for line in lines for word in ("127.0.0.1", "Wang", "since_seq", "shop-1"))


async def test_the_metrics_count_what_came(head_office: HeadOffice) -> None:
    await head_office.send(lead(1))
    await head_office.send(lead(1))
    async with head_office.http.get(f"{head_office.url}/metrics") as response:
        text = await response.text()
    assert 'yingke_events_total{outcome="stored"} 1' in text
    assert 'yingke_events_total{outcome="repeated"} 1' in text
