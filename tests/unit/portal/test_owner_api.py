"""The owner's numbers for programs and spreadsheets."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.model import new_id
from sync.records import footfall, visits
from sync.records.footfall import FootfallWindow
from sync.records.visits import Visit
from tests.unit.portal.owner_store import OwnersStore, open_store

BERLIN = {"venue": {"timezone": "Europe/Berlin"}}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[OwnersStore]:
    async with open_store(tmp_path, settings=BERLIN) as store:
        await store.sign_in()
        yield store


async def _count(store: OwnersStore, start: datetime, inside: int, passers_by: int) -> None:
    sensor = await store.another_process("sensor")
    devices = inside + passers_by
    window = FootfallWindow(
        footfall_id=new_id(),
        window_start=start,
        window_seconds=300,
        devices=devices,
        low=devices,
        high=devices,
        inside=inside,
        passers_by=passers_by,
        stations=0,
        method="association",
        naive_macs=0,
        frames=0,
        inside_dbm=-65,
        estimator_version="1",
    )
    await sensor.write(footfall.record, window, complete=True, clock=store.clock)
    visit = Visit(
        visit_id=new_id(),
        session_id=None,
        lead_id=None,
        started_at=start,
        ended_at=start + timedelta(minutes=5),
    )
    await sensor.write(visits.record, visit, 1, store.clock)
    await sensor.close()


async def _stats(store: OwnersStore, query: str = "") -> dict[str, Any]:
    answer = await store.client.get(f"/owner/api/stats{query}")
    assert answer.status == 200
    said: dict[str, Any] = await answer.json()
    return said


async def test_today_by_the_hour_is_what_no_question_asks(store: OwnersStore) -> None:
    said = await _stats(store)
    assert (said["by"], said["timezone"], said["venue_id"]) == ("hour", "Europe/Berlin", "shop")
    assert len(said["rows"]) == 24
    assert said["rows"][0]["from"] == "2026-11-23T00:00:00+01:00"
    assert said["total"]["to"] == "2026-11-24T00:00:00+01:00"


async def test_the_long_day_has_twenty_five_hours_and_counts_each_once(store: OwnersStore) -> None:
    """2026-10-25 in Berlin: 02:30 comes twice."""
    await _count(store, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 10, 20)
    await _count(store, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 40, 80)
    said = await _stats(store, "?from=2026-10-25&to=2026-10-25")
    assert len(said["rows"]) == 25
    both = [row for row in said["rows"] if "T02:00" in row["from"]]
    assert [row["passers_by"]["value"] for row in both] == [20, 80]
    assert [row["stays"] for row in both] == [1, 1]
    assert said["total"]["passers_by"]["value"] == 100


async def test_a_count_just_before_midnight_is_yesterday_s(store: OwnersStore) -> None:
    midnight = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    await _count(store, midnight - timedelta(microseconds=1), 10, 20)
    await _count(store, midnight, 10, 30)
    said = await _stats(store, "?from=2026-11-22&to=2026-11-23&by=day")
    assert [row["passers_by"]["value"] for row in said["rows"]] == [20, 30]


async def test_small_hours_are_withheld_and_still_part_of_the_day(store: OwnersStore) -> None:
    for hour in range(3):
        await _count(store, datetime(2026, 11, 23, hour, tzinfo=UTC), 8, 3)
    said = await _stats(store)
    counted = [row for row in said["rows"] if row["passers_by"] is not None]
    assert [row["passers_by"] for row in counted] == [{"value": None, "suppressed": True}] * 3
    assert [row["capture_rate"] for row in counted] == [None] * 3
    assert said["total"]["passers_by"] == {"value": 9, "low": 9, "high": 9}
    assert said["suppress_below"] == 5


async def test_the_table_has_the_same_numbers(store: OwnersStore) -> None:
    await _count(store, datetime(2026, 11, 23, 7, tzinfo=UTC), 40, 3)
    said = (await _stats(store))["rows"][8]
    answer = await store.client.get("/owner/api/stats.csv")
    assert answer.content_type == "text/csv"
    assert "shop-2026-11-23-by-hour.csv" in answer.headers["Content-Disposition"]
    table = list(csv.DictReader(io.StringIO((await answer.text()).removeprefix("\ufeff"))))
    assert len(table) == 24
    row = table[8]
    assert (row["from"], row["visitors"], row["passers_by"], row["stays"]) == (said["from"], "20", "<5", "1")
    assert said["visitors"]["value"] == 20
    assert (row["passers_by_low"], table[0]["visitors"]) == ("", "")


async def test_no_cell_can_be_taken_for_a_formula(store: OwnersStore) -> None:
    await _count(store, datetime(2026, 11, 23, 7, tzinfo=UTC), 40, 3)
    text = (await (await store.client.get("/owner/api/stats.csv?by=day")).text()).removeprefix("\ufeff")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r|%")]


@pytest.mark.parametrize("path", ["/owner/api/stats", "/owner/api/stats.csv"])
@pytest.mark.parametrize(
    "query", ["by=week", "from=x", "from=2026-11-24&to=2026-11-23", "from=2026-01-01", "to=2026-11-23T08:00"]
)
async def test_a_wrong_range_is_a_422_that_says_what_to_write(
    store: OwnersStore, path: str, query: str
) -> None:
    answer = await store.client.get(f"{path}?{query}")
    assert answer.status == 422
    error = (await answer.json())["error"]
    assert error["key"] == "wrong_range"
    assert error["message"]
    assert error["hint"]


@pytest.mark.parametrize("path", ["/owner/api/stats", "/owner/api/stats.csv"])
async def test_programs_that_are_not_signed_in_get_a_401_not_a_page(tmp_path: Path, path: str) -> None:
    async with open_store(tmp_path) as store:
        answer = await store.client.get(path, allow_redirects=False)
        assert answer.status == 401
        assert (await answer.json())["error"]["key"] == "not_signed_in"


async def test_an_empty_store_answers_with_zeros_and_nulls(store: OwnersStore) -> None:
    total = (await _stats(store))["total"]
    assert (total["stays"], total["leads"]) == (0, 0)
    assert total["passers_by"] is total["visitors"] is total["capture_rate"] is None
