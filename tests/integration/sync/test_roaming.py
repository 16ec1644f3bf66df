"""A session that goes on in another store of the brand, asked of a real head office."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pytest

from sync.headoffice.storage import NewVenue, NotThere
from tests.integration.sync.conftest import HeadOffice, event, lead

CODE = hashlib.sha256(b"01AB1XYZ90").hexdigest()
PHONE = "+8613800138000"


def session(seq: int, session_id: str = "session-1", code: str = CODE, **changed: Any) -> dict[str, Any]:
    body = {
        "session_id": session_id,
        "lead_id": "lead-1",
        "method": "form",
        "started_at": "2026-11-23T07:59:00.000000Z",
        "seconds_granted": 7200,
        "roaming_sha256": code,
    }
    return event(seq, "session.started", body | changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Two more stores of the brand of shop-1, where the session is, and one of another brand."""

    head_office: HeadOffice
    south: NewVenue
    west: NewVenue
    foreign: NewVenue

    async def ask(
        self,
        venue: NewVenue,
        request_id: str = "wish-1",
        *,
        code: str = CODE,
        contact: Any = PHONE,
        body: bytes | None = None,
    ) -> tuple[int, dict[str, Any]]:
        wish = {"request_id": request_id, "code_sha256": code, "contact": contact}
        async with self.head_office.http.post(
            f"{self.head_office.url}/v1/venues/{venue.venue_id}/roaming",
            data=body if body is not None else json.dumps(wish),
            headers={"Authorization": f"Bearer {venue.upload_key}"},
        ) as response:
            return response.status, await response.json(content_type=None)

    async def no(self, venue: NewVenue, request_id: str = "wish-1", **asked: Any) -> str:
        status, answer = await self.ask(venue, request_id, **asked)
        assert status == 409, answer
        key: str = answer["key"]
        return key

    async def revoked_at(self, venue: NewVenue) -> list[str]:
        commands = await self.head_office.storage.commands(venue.venue_id, 0, 10)
        assert {command.kind for command in commands} <= {"revoke"}
        return [command.body["grant_id"] for command in commands]


@pytest.fixture
async def chain(head_office: HeadOffice) -> Chain:
    storage, now = head_office.storage, head_office.clock.now()
    await storage.add_brand("coffee", "Coffee", now)
    await storage.set_roaming("default", on=True)
    await storage.set_roaming("coffee", on=True)
    return Chain(
        head_office=head_office,
        south=await storage.add_venue("south", "South", "default", now),
        west=await storage.add_venue("west", "West", "default", now),
        foreign=await storage.add_venue("foreign", "Foreign", "coffee", now),
    )


async def test_a_session_holds_in_another_store_for_its_remaining_time(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2))
    chain.head_office.clock.advance(600)
    status, answer = await chain.ask(chain.south)
    assert status == 200, answer
    # It began a minute before the clock of this head office starts.
    assert answer.pop("grant_id")
    assert answer == {"session_seconds": 7200 - 660, "origin_session_id": "session-1", "lead_id": "lead-1"}


async def test_the_answers_are_as_the_document_says(chain: Chain) -> None:
    async with chain.head_office.http.get(f"{chain.head_office.url}/v1/openapi.json") as response:
        answers = (await response.json())["paths"]["/v1/venues/{venue_id}/roaming"]["post"]["responses"]
    await chain.head_office.send(lead(1), session(2))
    _, granted = await chain.ask(chain.south)
    schema = answers["200"]["content"]["application/json"]["schema"]
    assert granted.keys() == schema["properties"].keys() == set(schema["required"])
    for refused in (await chain.no(chain.foreign), await chain.no(chain.west, contact="+8613900139000")):
        assert refused in answers["409"]["description"]


async def test_asked_again_it_is_the_same_grant_and_no_more_time(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2))
    _, first = await chain.ask(chain.south)
    chain.head_office.clock.advance(60)
    _, again = await chain.ask(chain.south)
    assert again == first | {"session_seconds": first["session_seconds"] - 60}
    assert await chain.revoked_at(chain.south) == []
    assert await chain.no(chain.south, code="b" * 64) == "unknown"
    chain.head_office.clock.advance(7200)
    assert await chain.no(chain.south) == "over"


async def test_what_is_not_hers_is_refused_with_its_reason(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2))
    assert await chain.no(chain.south, contact="+8613900139000") == "wrong_contact"
    assert await chain.no(chain.south, code="b" * 64) == "unknown"
    assert await chain.no(chain.foreign) == "other_brand"
    await chain.head_office.storage.set_roaming("default", on=False)
    assert await chain.no(chain.south) == "roaming_off"


async def test_a_refused_wish_may_be_granted_later(chain: Chain) -> None:
    """The other store's events may still be on their way."""
    assert await chain.no(chain.south) == "unknown"
    await chain.head_office.send(lead(1), session(2))
    assert (await chain.ask(chain.south))[0] == 200


async def test_a_session_that_ended_is_over_everywhere(chain: Chain) -> None:
    ended = {"session_id": "session-1", "ended_at": "2026-11-23T08:00:00.000000Z", "reason": "signed_out"}
    await chain.head_office.send(lead(1), session(2), event(3, "session.ended", ended))
    assert await chain.no(chain.south) == "over"


async def test_a_store_that_gives_no_codes_lets_nobody_roam(chain: Chain) -> None:
    plain = session(2)
    del plain["body"]["roaming_sha256"]
    odd = session(3, "session-2", code=7)  # type: ignore[arg-type]
    answer = await chain.head_office.send(lead(1), plain, odd)
    assert answer["rejected"] == []
    assert await chain.no(chain.south) == "unknown"


async def test_who_was_erased_does_not_roam(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2), event(3, "lead.erased", {"lead_id": "lead-1"}))
    assert await chain.no(chain.south) == "wrong_contact"


async def test_the_third_store_takes_it_from_the_second_by_a_command(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2))
    _, second = await chain.ask(chain.south)
    _, third = await chain.ask(chain.west, "wish-2")
    assert third["grant_id"] != second["grant_id"]
    assert await chain.revoked_at(chain.south) == [second["grant_id"]]
    assert await chain.revoked_at(chain.west) == []
    assert await chain.no(chain.south) == "moved"
    # And back again, with a new wish.
    assert (await chain.ask(chain.south, "wish-3"))[0] == 200
    assert await chain.revoked_at(chain.west) == [third["grant_id"]]


async def test_a_contact_cannot_be_guessed_for_a_code_that_was_found(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2))
    guesses = [
        await chain.no(chain.south, f"wish-{number}", contact=f"+86138001380{number:02}")
        for number in range(1, 8)
    ]
    assert guesses == ["wrong_contact"] * 6 + ["too_often"]
    assert await chain.no(chain.west, "wish-9") == "too_often"
    chain.head_office.clock.advance(300)
    assert (await chain.ask(chain.west, "wish-9"))[0] == 200


async def test_a_store_cannot_try_one_code_after_the_other(chain: Chain) -> None:
    tries = [await chain.no(chain.south, f"wish-{number}", code=f"{number:064x}") for number in range(61)]
    assert tries == ["unknown"] * 60 + ["too_often"]
    assert await chain.no(chain.west, code="b" * 64) == "unknown"


async def test_an_unsynchronised_start_is_corrected_by_the_events_behind_it(chain: Chain) -> None:
    began = session(2, started_at="1970-01-01T00:01:00.000000Z") | {
        "at": "1970-01-01T00:01:00.000000Z",
        "clock": "unsynced",
        "monotonic_ms": 60_000,
    }
    later = event(3, "venue.started", {}) | {"at": "2026-11-23T08:00:00.000000Z", "monotonic_ms": 120_000}
    await chain.head_office.send(lead(1), began)
    assert (await chain.ask(chain.west))[1]["session_seconds"] == 1800
    await chain.head_office.send(later)
    assert (await chain.ask(chain.south, "wish-2"))[1]["session_seconds"] == 7200 - 60


async def test_only_the_stores_own_key_may_ask_for_it(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2))
    stranger = NewVenue(
        venue_id="south", venue_number=9, brand_id="default", name="", upload_key=chain.west.upload_key
    )
    status, answer = await chain.ask(stranger)
    assert (status, answer["key"]) == (403, "other_venue")


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        (b"not json", 422, "bad_json"),
        (b"{}", 422, "bad_request_id"),
        (b'{"request_id": "wish", "code_sha256": "A", "contact": "+8613800138000"}', 422, "bad_code_sha256"),
        (b'{"request_id": "w", "code_sha256": "' + b"a" * 64 + b'", "contact": ["x"]}', 422, "bad_contact"),
        (b'{"request_id": "w", "code_sha256": "' + b"a" * 64 + b'", "contact": "a b c"}', 422, "bad_contact"),
        (b" " * 5000, 413, "too_large"),
    ],
)
async def test_what_is_no_wish_is_said_so(chain: Chain, body: bytes, status: int, key: str) -> None:
    answered, problem = await chain.ask(chain.south, body=body)
    assert (answered, problem["key"]) == (status, key)


async def test_codes_and_grants_die(chain: Chain) -> None:
    await chain.head_office.send(lead(1), session(2))
    await chain.ask(chain.south)
    clock, storage = chain.head_office.clock, chain.head_office.storage
    clock.advance(32 * 86400)
    long_ago = clock.now().replace(year=2020)
    assert await storage.purge(long_ago, long_ago, clock.now()) == 2


async def test_roaming_is_switched_for_a_brand_there_is(chain: Chain) -> None:
    with pytest.raises(NotThere, match="did you mean 'coffee'"):
        await chain.head_office.storage.set_roaming("cofee", on=True)
