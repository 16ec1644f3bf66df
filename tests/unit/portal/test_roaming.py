"""From another store of the brand: her code, her contact, and what head office says."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from netctl.api import Refusal, parse_ip
from portal.forms import Wrong
from portal.owner_trace import DETAILS
from portal.roaming import SENTENCES, read_contact
from portal.site import SITE
from sync import roaming_code
from sync.config import Config
from sync.model import LeadId
from sync.records import Records, grants, open_records, roaming
from sync.records.grants import Grant
from sync.records.roaming import UNREACHABLE
from tests.clock import FakeClock
from tests.unit.portal.conftest import FOREIGN, Browser, fill_in, rows, send
from tests.unit.portal.gate import GateDouble

HERE = parse_ip("127.0.0.1")
CODE = "01AB1XYZ90"


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    return {
        "registration": {"roaming": "on"},
        "sync": {"head_office_url": "https://head-office.example"},
        "venue": {"country": "CN"},
    }


@pytest.fixture
async def sync(config: Config, records: Records) -> AsyncIterator[Records]:
    """The records as sync writes them."""
    opened = await open_records(config.venue.data_dir / "records.db", "sync")
    yield opened
    await opened.close()


async def _fields(browser: Browser, **typed: str) -> dict[str, str]:
    page = await (await browser.get("/roaming")).text()
    hidden = re.search(r'name="form" value="([^"]+)"', page)
    assert hidden
    return {"form": hidden[1], "code": "o1ab1-xyz9O", "contact": "138 0013 8000"} | typed


async def test_beside_the_fields_it_says_where_what_is_typed_goes(browser: Browser) -> None:
    page = await (await browser.get("/roaming")).text()
    assert "We send both to our head office" in page
    notice = await (await browser.get("/privacy")).text()
    assert "Coming from another of our stores" in notice


async def test_the_owner_is_told_that_somebody_waits_with_another_stores_code(browser: Browser) -> None:
    await _ask(browser)
    trace = browser.app[SITE].trace
    assert {(fact.step, fact.detail) for fact in trace.take()} == {
        ("portal", "roaming page"),
        ("form", "store code"),
    }
    await send(browser, await _fields(browser, code="ABC"), "/roaming")
    assert ("form", "mistakes") in {(fact.step, fact.detail) for fact in trace.take()}
    assert {"roaming page", "store code"} <= DETAILS.keys()


async def _ask(browser: Browser, **typed: str) -> None:
    """Types code and contact."""
    answer = await send(browser, await _fields(browser, **typed), "/roaming")
    assert (answer.status, answer.headers["Location"]) == (303, "/roaming/wait")


async def _wish(records: Records) -> dict[str, Any]:
    [wish] = await rows(records, "SELECT * FROM roaming_requests")
    return wish


async def _grant(sync: Records, records: Records, clock: FakeClock) -> None:
    grant = Grant(
        grant_id="grant-1",
        request_id=(await _wish(records))["request_id"],
        ip=str(HERE),
        lead_id=LeadId("lead-of-another-store"),
        method="roaming",
        session_seconds=600,
    )
    await sync.write(grants.give, grant, clock)


async def test_the_splash_offers_it(browser: Browser) -> None:
    assert 'href="/roaming"' in await (await browser.get("/")).text()


async def test_her_code_and_contact_become_a_wish_that_names_neither_her_code_nor_her_device(
    browser: Browser, records: Records
) -> None:
    await _ask(browser)
    wish = await _wish(records)
    assert (wish["code_sha256"], wish["contact"]) == (roaming_code.digest(CODE), "+8613800138000")
    assert wish["ip"] == str(HERE)
    assert CODE not in str(wish)


async def test_a_second_tap_is_the_same_wish(browser: Browser, records: Records) -> None:
    fields = await _fields(browser)
    for _ in range(2):
        assert (await send(browser, fields, "/roaming")).status == 303
    assert (await _wish(records))["request_id"]


async def test_while_head_office_is_asked_the_page_looks_again_by_itself(browser: Browser) -> None:
    await _ask(browser)
    answer = await browser.get("/roaming/wait")
    page = await answer.text()
    assert answer.status == 202
    assert '<meta http-equiv="refresh" content="2;url=/roaming/wait">' in page
    assert 'href="/register"' in page


async def test_with_head_offices_yes_she_is_online(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    await _ask(browser)
    await _grant(sync, records, clock)
    answer = await browser.get("/roaming/wait", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/online")
    assert gate.admitted[HERE].method == "roaming"
    assert gate.admitted[HERE].seconds_left == 600
    assert (await browser.get("/online")).status == 200
    again = await browser.get("/roaming/wait", allow_redirects=False)
    assert again.headers["Location"] == "/online"


async def test_a_silent_gate_is_waited_for(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    await _ask(browser)
    await _grant(sync, records, clock)
    await gate.stop()
    assert (await browser.get("/roaming/wait")).status == 202
    await gate.start()
    gate.refusal = Refusal(key="filter_failed", message="soon")
    assert (await browser.get("/roaming/wait")).status == 202
    gate.refusal = Refusal(key="unknown_station", message="nobody is there")
    assert (await browser.get("/roaming/wait")).status == 409
    gate.refusal = Refusal(key="closed", message="the store is closed")
    assert (await browser.get("/roaming/wait", allow_redirects=False)).headers["Location"] == "/"


@pytest.mark.parametrize("key", [*SENTENCES, "a_newer_word"])
async def test_a_no_comes_with_its_sentence_and_the_form(
    browser: Browser, sync: Records, records: Records, clock: FakeClock, key: str
) -> None:
    await _ask(browser)
    await sync.write(roaming.refuse, (await _wish(records))["request_id"], key, clock.now())
    page = await (await browser.get("/roaming/wait")).text()
    assert SENTENCES.get(key, SENTENCES["roaming_off"]) in page
    assert 'name="code"' in page
    assert 'href="/register"' in page


async def test_on_a_temporary_pass_she_still_learns_what_head_office_says(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    await send(browser, await fill_in(browser))
    gate.admitted[HERE] = replace(gate.admitted[HERE], method="temporary_pass")
    await _ask(browser)
    assert (await browser.get("/roaming/wait")).status == 202
    await sync.write(roaming.refuse, (await _wish(records))["request_id"], "over", clock.now())
    assert SENTENCES["over"] in await (await browser.get("/roaming/wait")).text()


async def test_with_the_line_down_she_is_told_and_may_register(
    browser: Browser, sync: Records, records: Records, clock: FakeClock
) -> None:
    await _ask(browser)
    await sync.write(roaming.refuse, (await _wish(records))["request_id"], UNREACHABLE, clock.now())
    answer = await browser.get("/roaming/wait")
    page = await answer.text()
    assert answer.status == 202
    assert "cannot be reached" in page
    assert 'href="/register"' in page
    await _grant(sync, records, clock)
    assert (await browser.get("/roaming/wait", allow_redirects=False)).headers["Location"] == "/online"


async def test_who_has_asked_for_nothing_does_not_wait(browser: Browser, clock: FakeClock) -> None:
    answer = await browser.get("/roaming/wait", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/roaming")
    await _ask(browser)
    clock.advance(301)
    answer = await browser.get("/roaming/wait", allow_redirects=False)
    assert answer.headers["Location"] == "/roaming"


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"code": "01AB1"}, ["code"]),
        ({"code": ""}, ["code"]),
        ({"contact": ""}, ["contact"]),
        ({"contact": "mei@nowhere"}, ["contact"]),
        ({"contact": "12345", "code": "<b>bold</b>"}, ["code", "contact"]),
    ],
)
async def test_a_wrong_field_is_marked_and_what_was_typed_stays(
    browser: Browser, records: Records, typed: Mapping[str, str], wrong: list[str]
) -> None:
    fields = await _fields(browser, **typed)
    answer = await send(browser, fields, "/roaming")
    page = await answer.text()
    assert answer.status == 422
    assert re.findall(r'aria-describedby="(\w+)-error"', page) == wrong
    assert "<b>bold" not in page
    assert f'value="{fields["contact"]}"' in page
    assert await rows(records, "SELECT * FROM roaming_requests") == []


async def test_a_forms_seal_is_for_this_form_and_this_station(browser: Browser, records: Records) -> None:
    registration = (await fill_in(browser))["form"]
    for sealed in ("", "made-up", registration):
        answer = await send(browser, await _fields(browser, form=sealed), "/roaming")
        assert answer.status == 422
        assert "This page had become old" in await answer.text()
    assert await rows(records, "SELECT * FROM roaming_requests") == []


@pytest.mark.parametrize("headers", FOREIGN)
async def test_no_other_website_can_ask(browser: Browser, records: Records, headers: dict[str, str]) -> None:
    fields = await _fields(browser)
    if headers.get("Origin") == "null":
        # Nobody else has the seal.
        fields["form"] = "guessed"
    answer = await browser.post("/roaming", data=fields, headers=headers, allow_redirects=False)
    assert answer.status in (403, 422)
    assert await rows(records, "SELECT * FROM roaming_requests") == []


async def test_who_tries_code_after_code_is_slowed_down(browser: Browser) -> None:
    statuses = [(await send(browser, await _fields(browser), "/roaming")).status for _ in range(13)]
    assert statuses == [303] * 12 + [429]


async def test_who_is_online_is_shown_the_code_to_take_along(browser: Browser, gate: GateDouble) -> None:
    await send(browser, await fill_in(browser))
    assert "Going to another" not in await (await browser.get("/online")).text()
    gate.admitted[HERE] = replace(gate.admitted[HERE], roaming_code="01AB1-XYZ90")
    page = await (await browser.get("/online")).text()
    assert "Going to another of our stores?" in page
    assert "01AB1-XYZ90" in page


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("138 0013 8000", "+8613800138000"),
        ("+49 151 23456789", "+4915123456789"),
        ("Mei@Example.COM", "mei@example.com"),
        ("ｍｅｉ＠example.com", "mei@example.com"),
    ],
)
def test_a_contact_is_read_as_the_registration_reads_it(typed: str, read: str) -> None:
    assert read_contact(typed, "CN") == read


@pytest.mark.parametrize("typed", ["", "  ", "Mei", "010 1234", "mei@", "\u202e@example.com"])
def test_what_is_no_contact_is_said_so(typed: str) -> None:
    assert isinstance(read_contact(typed, "CN"), Wrong)


class TestWhereItIsOff:
    @pytest.fixture
    def settings(self) -> dict[str, dict[str, Any]]:
        return {}

    async def test_nobody_is_offered_it(self, browser: Browser) -> None:
        assert "/roaming" not in await (await browser.get("/")).text()
        for path in ("/roaming", "/roaming/wait"):
            assert (await browser.get(path)).status == 404
        assert (await send(browser, {"code": CODE}, "/roaming")).status == 404
