"""From the form to the open gate."""

import asyncio
import hashlib
import sqlite3
from html import unescape

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netctl import api
from netctl.client import GateClient
from portal.app import make_app
from sync.config import Config
from sync.records import Records
from tests.clock import FakeClock
from tests.unit.portal.conftest import FOREIGN, Browser, fill_in, rows, send
from tests.unit.portal.gate import GateDouble


async def test_a_registration_opens_the_gate_and_goes_online(
    browser: Browser, records: Records, gate: GateDouble
) -> None:
    answer = await send(browser, await fill_in(browser, name="梅", marketing="yes"))
    assert (answer.status, answer.headers["Location"]) == (303, "/online")
    (lead,) = await rows(records, "SELECT * FROM leads")
    assert (lead["name"], lead["phone"], lead["email"], lead["locale"]) == (
        "梅",
        "+8613800138000",
        None,
        "en",
    )
    (session,) = gate.admitted.values()
    assert session.lead_id == lead["lead_id"]
    events = [row["type"] for row in await rows(records, "SELECT type FROM outbox")]
    assert events == ["lead.captured", "consent.given", "consent.given"]


async def test_what_is_kept_as_agreed_is_what_was_shown(browser: Browser, records: Records) -> None:
    page = unescape(await (await browser.get("/register?lang=zh-CN")).text())
    fields = await fill_in(browser, "zh-CN", marketing="yes")
    await send(browser, fields, "/register?lang=zh-CN")
    kept = await rows(
        records, "SELECT purpose, t.* FROM consents JOIN consent_texts t ON sha256 = text_sha256"
    )
    assert {row["purpose"] for row in kept} == {"access_terms", "marketing"}
    for row in kept:
        assert row["language"] == "zh_CN"
        assert row["sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
        for line in row["text"].splitlines():
            assert line in page


async def test_the_boxes_are_not_ticked_beforehand(browser: Browser) -> None:
    assert "checked" not in await (await browser.get("/register")).text()


async def test_without_the_marketing_box_only_the_terms_are_agreed_to(
    browser: Browser, records: Records
) -> None:
    await send(browser, await fill_in(browser))
    assert await rows(records, "SELECT purpose FROM consents") == [{"purpose": "access_terms"}]


async def test_a_second_tap_on_the_form_makes_no_second_lead(
    browser: Browser, records: Records, gate: GateDouble
) -> None:
    fields = await fill_in(browser)
    answers = await asyncio.gather(*(send(browser, fields) for _ in range(5)))
    assert {answer.status for answer in answers} == {303}
    assert len(await rows(records, "SELECT 1 FROM leads")) == 1
    assert len(await rows(records, "SELECT 1 FROM outbox WHERE type = 'lead.captured'")) == 1
    assert len({session.session_id for session in gate.admitted.values()}) == 1


async def test_a_form_from_before_a_restart_of_the_portal_still_counts(
    browser: Browser, config: Config, records: Records, gate: GateDouble, clock: FakeClock
) -> None:
    fields = await fill_in(browser)
    restarted = make_app(config, records, GateClient(gate.path), clock)
    async with TestClient(TestServer(restarted)) as again:
        assert (await send(again, fields)).status == 303


async def test_with_the_gate_down_the_lead_is_kept_and_the_page_waits(
    browser: Browser, records: Records, gate: GateDouble
) -> None:
    fields = await fill_in(browser)
    await gate.stop()
    assert (await send(browser, fields)).status == 303
    assert len(await rows(records, "SELECT 1 FROM leads")) == 1
    waiting = await browser.get("/online")
    text = await waiting.text()
    assert waiting.status == 202
    assert "You are registered" in text
    assert 'http-equiv="refresh" content="3;url=/online"' in text
    await gate.start()
    assert (await browser.get("/online", allow_redirects=False)).status == 200
    assert len(gate.admitted) == 1


async def test_with_the_records_locked_what_was_typed_is_kept_on_the_page(
    browser: Browser, config: Config, records: Records
) -> None:
    fields = await fill_in(browser, name="Mei Lin")
    with sqlite3.connect(config.venue.data_dir / "records.db") as other:
        await records.write(lambda connection: connection.execute("PRAGMA busy_timeout = 0"))
        other.execute("BEGIN IMMEDIATE")
        answer = await send(browser, fields)
        assert answer.status == 503
        assert 'value="Mei Lin"' in await answer.text()
        other.rollback()
    assert (await send(browser, fields)).status == 303


async def test_a_wrong_form_comes_back_with_a_sentence_at_each_wrong_field(browser: Browser) -> None:
    fields = {"form": "forged", "name": "<3>", "phone": "123", "email": "me@", "marketing": "yes"}
    answer = await send(browser, fields)
    page = await answer.text()
    assert answer.status == 422
    for field in ("name", "phone", "email", "terms"):
        assert f'id="{field}-error"' in page
        assert f'aria-describedby="{field}-error"' in page
    assert page.count("autofocus") == 1
    assert 'value="&lt;3&gt;"' in page
    assert 'value="123"' in page
    assert 'name="marketing" value="yes" checked' in page
    assert 'name="terms" value="yes" required aria-invalid' in page


async def test_a_form_of_another_station_or_forged_is_asked_for_once_more(
    browser: Browser, records: Records
) -> None:
    fields = await fill_in(browser)
    text, mac = fields["form"].split(".")
    for forged in ("", ".", "é.é", f"{text}.", f"{text}.{'0' * len(mac)}", f"{text[:-1]}.{mac}", "a.b.c"):
        answer = await send(browser, fields | {"form": forged})
        assert answer.status == 422
        assert "138 0013 8000" in await answer.text()
    assert await rows(records, "SELECT 1 FROM leads") == []


async def test_nobody_agrees_in_one_language_to_what_was_shown_in_another(
    browser: Browser, records: Records
) -> None:
    fields = await fill_in(browser, "en")
    assert (await send(browser, fields, "/register?lang=zh-CN")).status == 422
    assert await rows(records, "SELECT 1 FROM consents") == []


async def test_a_form_that_another_website_sends_is_refused(browser: Browser, records: Records) -> None:
    fields = await fill_in(browser)
    for foreign in FOREIGN:
        if foreign.get("Origin") != "null":
            assert (await browser.post("/register", data=fields, headers=foreign)).status == 403
    assert await rows(records, "SELECT 1 FROM leads") == []


async def test_a_browser_that_keeps_our_address_to_itself_can_register(browser: Browser) -> None:
    """The seal says enough: no other page has it."""
    fields = await fill_in(browser)
    answer = await browser.post("/register", data=fields, headers={"Origin": "null"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/online")


async def test_whoever_registers_too_often_is_told_to_wait(browser: Browser, clock: FakeClock) -> None:
    statuses = [(await send(browser, await fill_in(browser))).status for _ in range(20)]
    assert statuses[0] == 303
    last = await send(browser, await fill_in(browser))
    assert last.status == 429
    clock.advance(float(last.headers["Retry-After"]))
    assert (await send(browser, await fill_in(browser))).status == 303


async def test_whoever_mistypes_again_and_again_is_not_sent_away(browser: Browser) -> None:
    assert [(await send(browser, {})).status for _ in range(20)] == [422] * 20
    assert (await send(browser, await fill_in(browser))).status == 303


BODIES = {
    "twice": (b"phone=1&phone=2", "application/x-www-form-urlencoded"),
    "not utf-8": (b"name=%ff%fe", "application/x-www-form-urlencoded"),
    "raw bytes": (b"name=\xff\xfe", "application/x-www-form-urlencoded"),
    "no pairs": (b"hello", "application/x-www-form-urlencoded"),
    "many fields": (b"&".join(b"a%d=1" % at for at in range(99)), "application/x-www-form-urlencoded"),
    "multipart": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
        "multipart/form-data; boundary=x",
    ),
    "json": (b'{"phone": 1}', "application/json"),
    "no type": (b"phone=1", "nonsense"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_what_is_no_form_is_answered_with_400(browser: Browser, name: str) -> None:
    body, content_type = BODIES[name]
    answer = await browser.post("/register", data=body, headers={"Content-Type": content_type})
    assert answer.status == 400
    assert "cannot read" in await answer.text()


async def test_an_empty_post_gets_the_form(browser: Browser) -> None:
    assert (await browser.post("/register")).status == 422


async def test_a_huge_form_is_answered_with_413(browser: Browser) -> None:
    answer = await browser.post("/register", data={"name": "a" * 100_000})
    assert answer.status == 413
    assert "too much text" in await answer.text()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.dictionaries(st.sampled_from(["name", "phone", "email", "terms", "form"]), st.text()))
async def test_whatever_is_typed_is_a_wrong_form_and_never_our_failure(
    browser: Browser, clock: FakeClock, typed: dict[str, str]
) -> None:
    clock.advance(60)
    encodable = {key: value.encode("utf-8", "ignore").decode() for key, value in typed.items()}
    assert (await send(browser, encodable)).status in (422, 413)


async def test_the_gate_is_named_the_form_and_the_address_and_no_more(
    browser: Browser, gate: GateDouble
) -> None:
    fields = await fill_in(browser)
    gate.asked.clear()
    await send(browser, fields)
    ip = api.parse_ip("127.0.0.1")
    admit = api.Admit(request_id=fields["form"].split("-")[0], ip=ip)
    assert gate.asked == [api.AskStation(ip=ip), admit]


class TestRequiredFields:
    @pytest.fixture
    def settings(self) -> dict[str, dict[str, str]]:
        return {"registration": {"name": "required", "phone": "hidden", "email": "required"}}

    async def test_a_store_can_ask_for_name_and_mail_only(self, browser: Browser, records: Records) -> None:
        page = await (await browser.get("/register")).text()
        assert 'name="phone"' not in page
        fields = await fill_in(browser)
        assert (await send(browser, fields)).status == 422
        fields |= {"name": "Ánh Nguyễn", "email": "Anh@EXAMPLE.com"}
        assert (await send(browser, fields)).status == 303
        (lead,) = await rows(records, "SELECT name, phone, email FROM leads")
        assert lead == {"name": "Ánh Nguyễn", "phone": None, "email": "anh@example.com"}
