"""The address boxes upload to, status by status, and what it keeps."""

import asyncio
import gzip
import itertools
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import zstandard

from sync.headoffice.settings import Settings
from sync.headoffice.sqlite.migrations import DEFAULT_BRAND
from tests.integration.sync.conftest import EPOCH, HeadOffice, event, lead, ndjson

SESSION = {"session_id": "session-1", "lead_id": "lead-1", "method": "form"}
STARTED = SESSION | {"started_at": "2026-11-23T08:00:00.000000Z", "seconds_granted": 43200}
ENDED = SESSION | {
    "started_at": "2026-11-23T08:00:00.000000Z",
    "ended_at": "2026-11-23T08:10:00.000000Z",
    "reason": "signed_out",
    "duration_seconds": 600,
    "bytes_up": 100,
    "bytes_down": 2000,
}


async def test_an_upload_is_acknowledged_up_to_its_last_event(head_office: HeadOffice) -> None:
    answer = await head_office.send(
        lead(1), event(2, "session.started", STARTED), event(5, "session.ended", ENDED)
    )

    assert answer == {"epoch": EPOCH, "acknowledged": 5, "rejected": []}
    [session] = await head_office.rows("sessions")
    assert session["id"] == "session-1"
    assert session["lead_id"] == "lead-1"
    assert session["bytes_down"] == 2000
    assert session["seconds_granted"] == 43200
    assert session["brand_id"] == "default"
    assert session["venue_id"] == "shop-1"
    assert session["updated_at"] == "2026-11-23T08:00:00.000000Z"


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)]
)
async def test_an_upload_may_come_packed(head_office: HeadOffice, encoding: str, pack: Any) -> None:
    status, answer = await head_office.upload(pack(ndjson(lead(1))), Content_Encoding=encoding)

    assert (status, answer["acknowledged"]) == (200, 1)
    assert [row["id"] for row in await head_office.rows("leads")] == ["lead-1"]


async def test_the_same_upload_again_changes_nothing(head_office: HeadOffice) -> None:
    await head_office.send(lead(1), lead(2, "lead-2"))
    before = await head_office.pull("leads")

    assert (await head_office.send(lead(1), lead(2, "lead-2")))["acknowledged"] == 2
    assert await head_office.pull("leads") == before


async def test_an_event_under_a_new_number_changes_nothing(head_office: HeadOffice) -> None:
    await head_office.send(lead(1))
    before = await head_office.pull("leads")

    answer = await head_office.send(lead(7) | {"epoch": "another", "event_id": "event-1"})

    assert answer == {"epoch": "another", "acknowledged": 7, "rejected": []}
    assert await head_office.pull("leads") == before


async def test_another_event_under_a_used_number_is_kept_aside(head_office: HeadOffice) -> None:
    await head_office.send(lead(1))

    answer = await head_office.send(lead(1, "lead-9") | {"event_id": "of-a-restored-box"})

    assert answer["acknowledged"] == 1
    assert [(line["seq"], line["key"]) for line in answer["rejected"]] == [(1, "seq_reused")]
    assert [row["id"] for row in await head_office.rows("leads")] == ["lead-1"]
    assert await _kept_aside(head_office) == [(1, "seq_reused")]


async def test_in_whatever_order_events_come_the_rows_are_the_same(head_office: HeadOffice) -> None:
    events = [
        lead(1),
        event(2, "session.started", STARTED),
        event(3, "session.ended", ENDED),
        event(4, "consent.given", {"consent_id": "c", "lead_id": "lead-1", "purpose": "marketing"}),
        event(
            5,
            "consent.withdrawn",
            {"consent_id": "c", "lead_id": "lead-1", "withdrawn_at": "2026-11-23T09:00:00.000000Z"},
        ),
    ]
    orders = list(itertools.permutations(events))
    random.Random(1).shuffle(orders)
    seen = set()
    for turn, order in enumerate(orders[:12]):
        suffix = f"-turn{turn}"
        for line in order:
            body = {
                key: value + suffix if key.endswith("_id") else value for key, value in line["body"].items()
            }
            seq = 10 * turn + line["seq"]
            await head_office.send(line | {"seq": seq, "event_id": f"event-{seq}", "body": body})
        rows = [
            {key: _without(value, suffix) for key, value in row.items() if key not in ("seq", "updated_at")}
            for table in ("leads", "sessions", "consents")
            for row in await head_office.rows(table)
            if row["id"].endswith(suffix)
        ]
        seen.add(str(rows))
    assert len(seen) == 1


def _without(value: Any, suffix: str) -> Any:
    return value.removesuffix(suffix) if isinstance(value, str) else value


async def test_a_bad_line_is_kept_aside_and_its_neighbours_are_kept(head_office: HeadOffice) -> None:
    bad = [
        event(2, "visit.ended", {"visit_id": "v", "started_at": "yesterday", "ended_at": "today"}),
        event(3, "lead.captured", {"lead_id": 7}),
        event(4, "lead.captured", {"lead_id": "x"}, clock="sundial"),
        event(5, "lead.captured", {"lead_id": "x"}, at="2026-11-23T08:00:00"),
    ]
    answer = await head_office.send(lead(1), *bad, b"no json at all", lead(6, "lead-6"))

    assert answer["acknowledged"] == 6
    assert [(line["seq"], line["key"]) for line in answer["rejected"]] == [
        (2, "bad_body"),
        (3, "bad_body"),
        (4, "bad_clock"),
        (5, "bad_at"),
        (None, "bad_json"),
    ]
    assert [row["id"] for row in await head_office.rows("leads")] == ["lead-1", "lead-6"]
    await head_office.send(lead(1), *bad, b"no json at all", lead(6, "lead-6"))
    assert len(await _kept_aside(head_office)) == 5


async def _kept_aside(head_office: HeadOffice) -> list[tuple[int | None, str]]:
    found = await head_office.storage._read(
        lambda connection: connection.execute("SELECT seq, key FROM rejected_lines ORDER BY seq").fetchall()
    )
    return [(row["seq"], row["key"]) for row in found]


async def test_a_type_of_tomorrow_is_acknowledged_and_kept_as_it_came(head_office: HeadOffice) -> None:
    answer = await head_office.send(event(1, "robot.waved", {"arms": [1, {"left": True}]}, colour="red"))

    assert answer == {"epoch": EPOCH, "acknowledged": 1, "rejected": []}
    assert await _bodies(head_office) == ['{"arms":[1,{"left":true}]}']


async def _bodies(head_office: HeadOffice) -> list[str]:
    found = await head_office.storage._read(
        lambda connection: connection.execute("SELECT body FROM events ORDER BY seq").fetchall()
    )
    return [row["body"] for row in found]


async def test_an_erasure_leaves_ids_only_and_nothing_fills_them_again(head_office: HeadOffice) -> None:
    await head_office.send(
        lead(1), event(2, "lead.erased", {"lead_id": "lead-1"}), lead(3, name="Back again")
    )

    [row] = await head_office.rows("leads")
    assert row["deleted"] is True
    assert [row[key] for key in ("name", "phone", "email", "registered_at")] == [None] * 4
    [deletion] = await head_office.rows("deletions")
    assert deletion["lead_id"] == "lead-1"
    assert deletion["erased_at"] == "2026-11-23T07:59:00.000000Z"
    assert not any("Wang" in body or "Back" in body for body in await _bodies(head_office))


async def test_an_empty_upload_says_that_the_box_is_there(head_office: HeadOffice) -> None:
    status, answer = await head_office.upload(
        b"",
        Yingke_Sent_At="2026-11-23T08:05:00.000000Z",
        Yingke_Pending="3",
        Yingke_Clock="unsynced",
        User_Agent="yingke/0.1.0",
    )

    assert (status, answer) == (200, {"epoch": None, "acknowledged": 0, "rejected": []})
    [venue, _] = await head_office.storage.venues_since(head_office.clock.now())
    assert venue.last_seen_at == head_office.clock.now()
    assert venue.health.skew_seconds == 300
    assert venue.health.backlog == 3
    assert venue.health.clock == "unsynced"
    assert venue.health.version == "0.1.0"


@pytest.mark.parametrize(
    "key",
    ["", "nonsense", "yk_000000000000_AAAA", "yk__", "yk_ü_x"],
    ids=["none", "word", "unknown", "empty", "ü"],
)
async def test_401_without_a_key_that_is_known(head_office: HeadOffice, key: str) -> None:
    url = f"{head_office.url}/v1/venues/shop-1/events"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with head_office.http.post(url, data=b"", headers=headers) as response:
        assert response.status == 401
        assert response.content_type == "application/problem+json"
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_401_for_the_right_id_with_another_secret(head_office: HeadOffice) -> None:
    status, _ = await head_office.upload(b"", key=head_office.upload_key[:-1] + "!")
    assert status == 401


async def test_403_with_another_stores_key_or_a_pull_key(head_office: HeadOffice) -> None:
    status, problem = await head_office.upload(ndjson(lead(1)), venue_id="shop-2")
    assert (status, problem["key"]) == (403, "other_venue")
    status, _ = await head_office.upload(ndjson(lead(1)), venue_id="no-such-shop")
    assert status == 403
    status, problem = await head_office.upload(ndjson(lead(1)), key=head_office.pull_key)
    assert (status, problem["key"]) == (403, "kind_of_key")
    assert await head_office.rows("leads") == []


async def test_413_for_too_many_bytes_lines_or_a_bomb(head_office: HeadOffice) -> None:
    noise = random.Random(2).randbytes(65 * 1024)
    assert (await head_office.upload(noise))[0] == 413
    assert (await head_office.upload(b"{}\n" * 1001))[0] == 413
    zeros = bytes(100 * 1024 * 1024)
    bombs = {
        "gzip": gzip.compress(zeros[: 32 * 1024 * 1024]),
        "zstd": zstandard.ZstdCompressor().compress(zeros),
    }
    for encoding, bomb in bombs.items():
        status, problem = await head_office.upload(bomb, Content_Encoding=encoding)
        assert (status, problem["key"]) == (413, "too_large")


async def test_415_for_a_packing_we_do_not_know(head_office: HeadOffice) -> None:
    assert (await head_office.upload(b"x", Content_Encoding="br"))[0] == 415


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_422_for_a_body_that_is_cut_short(head_office: HeadOffice, encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else zstandard.ZstdCompressor().compress
    packed = pack(ndjson(*(lead(seq, f"lead-{seq}") for seq in range(1, 50))))

    for length in range(1, len(packed), 7):
        status, problem = await head_office.upload(packed[:length], Content_Encoding=encoding)
        assert (status, problem["key"]) == (422, "undecodable")
    assert await head_office.rows("leads") == []


async def test_422_for_two_epochs_in_one_upload(head_office: HeadOffice) -> None:
    status, problem = await head_office.upload(ndjson(lead(1), lead(2, "lead-2") | {"epoch": "other"}))

    assert (status, problem["key"]) == (422, "mixed_epochs")
    assert await head_office.rows("leads") == []


async def test_422_for_a_body_that_is_no_ndjson_at_all_and_it_is_kept_aside(head_office: HeadOffice) -> None:
    status, problem = await head_office.upload(b"<html>please sign in</html>")

    assert (status, problem["key"]) == (422, "no_events")
    assert await _kept_aside(head_office) == [(None, "bad_json")]


class TestWithFewRequests:
    @pytest.fixture
    def settings(self) -> Settings:
        settings = Settings.parse({})
        return replace(settings, limits=replace(settings.limits, requests_burst=2, requests_per_minute=6))

    async def test_429_says_when_to_come_back_and_means_it(self, head_office: HeadOffice) -> None:
        assert [(await head_office.upload(b""))[0] for _ in range(3)] == [200, 200, 429]
        url = f"{head_office.url}/v1/venues/shop-1/events"
        headers = {"Authorization": f"Bearer {head_office.upload_key}"}
        async with head_office.http.post(url, headers=headers) as response:
            wait_seconds = int(response.headers["Retry-After"])

        head_office.clock.advance(wait_seconds)
        assert (await head_office.upload(b""))[0] == 200


async def test_uploads_at_the_same_time_are_each_kept_whole(head_office: HeadOffice) -> None:
    uploads = [
        ndjson(*(lead(seq, f"lead-{seq}") for seq in range(start, start + 10))) for start in range(1, 300, 10)
    ]
    answers = await asyncio.gather(*(head_office.upload(body) for body in uploads))

    assert {status for status, _ in answers} == {200}
    assert [answer["acknowledged"] for _, answer in answers] == list(range(10, 301, 10))
    assert len({row["id"] for row in await head_office.rows("leads", limit=1000)}) == 300


async def test_one_store_cannot_keep_the_others_out(head_office: HeadOffice, settings: Settings) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    storage, now = head_office.storage, head_office.clock.now()
    other = await storage.add_venue("shop-3", "Café Three", DEFAULT_BRAND, now)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as greedy:
        url = f"{head_office.url}/v1/venues/shop-1/events"
        headers = {"Authorization": f"Bearer {head_office.upload_key}"}
        asking = [
            asyncio.create_task(greedy.post(url, data=never(), headers=headers))
            for _ in range(settings.limits.uploads_waiting + 10)
        ]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert (await head_office.upload(b"", key=other.upload_key, venue_id="shop-3"))[0] == 200
        for task in asking:
            task.cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {answer.status for answer in answers if isinstance(answer, aiohttp.ClientResponse)} == {429}


async def test_every_answer_carries_the_time(head_office: HeadOffice) -> None:
    async with head_office.http.get(f"{head_office.url}/healthz") as response:
        assert "Date" in response.headers
        assert await response.json() == {"database": "ready"}


async def test_an_upload_that_is_cut_anywhere_leaves_nothing_behind(
    head_office: HeadOffice, caplog: pytest.LogCaptureFixture
) -> None:
    body = ndjson(*(lead(seq, f"lead-{seq}") for seq in range(1, 4)))
    address = urlsplit(head_office.url)
    head = (
        f"POST /v1/venues/shop-1/events HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Bearer {head_office.upload_key}\r\n\r\n"
    ).encode()
    for length in range(0, len(body), 97):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(head + body[:length])
        writer.write_eof()
        assert b" 200 " not in await reader.read()
        writer.close()

    assert await head_office.rows("leads") == []
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_full_disk_keeps_nothing_by_halves_and_asks_to_come_back(head_office: HeadOffice) -> None:
    def fill(pages: int) -> Callable[[sqlite3.Connection], Any]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    await head_office.storage._commits.outside(fill(1))
    uploads = [ndjson(*(lead(seq, f"lead-{seq}") for seq in range(start, start + 100))) for start in (1, 101)]
    answers = await asyncio.gather(*(head_office.upload(body) for body in uploads))
    assert [(status, problem["key"]) for status, problem in answers] == [(503, "database_unavailable")] * 2
    assert await head_office.rows("leads") == []

    await head_office.storage._commits.outside(fill(1_000_000))
    assert [(await head_office.upload(body))[0] for body in uploads] == [200, 200]
    assert len(await head_office.rows("leads")) == 200


async def test_what_has_reached_its_age_dies_and_what_is_pulled_stays(head_office: HeadOffice) -> None:
    await head_office.send(lead(1), b"garbage")
    head_office.clock.advance(100 * 86400)
    await head_office.send(lead(2, "lead-2"))
    now = head_office.clock.now()

    assert await head_office.storage.purge(now - timedelta(days=99), now - timedelta(days=99), now) == 2
    assert await _kept_aside(head_office) == []
    assert len(await _bodies(head_office)) == 1
    assert [row["id"] for row in await head_office.rows("leads")] == ["lead-1", "lead-2"]


async def test_no_answer_names_the_versions_it_runs_on(head_office: HeadOffice) -> None:
    for path in ("/healthz", "/v1/leads", "/sign-in", "/nothing"):
        async with head_office.http.get(head_office.url + path) as response:
            assert response.headers["Server"] == "Yingke"
