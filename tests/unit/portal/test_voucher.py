"""The field for a voucher or the staff code."""

import asyncio
import re
import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from netctl.api import Refusal, parse_ip
from portal.codes import shown
from portal.site import SITE
from sync.config import Config
from sync.records import Records, vouchers
from tests.clock import FakeClock
from tests.unit.portal.conftest import FOREIGN, Browser, rows, send
from tests.unit.portal.gate import GateDouble

HERE = parse_ip("127.0.0.1")


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    return {"limits": {"staff_minutes": 600}}


@pytest.fixture
async def code(records: Records, clock: FakeClock) -> str:
    """A voucher for two hours, good once."""
    expires_at = clock.now() + timedelta(days=30)
    batch_id = await records.write(
        vouchers.make, count=1, session_seconds=7200, uses=1, expires_at=expires_at, clock=clock
    )
    (voucher,) = await records.read(vouchers.of_batch, batch_id)
    return voucher.code


async def _fields(browser: Browser, code: str) -> dict[str, str]:
    page = await (await browser.get("/voucher")).text()
    hidden = re.search(r'name="form" value="([^"]+)"', page)
    assert hidden
    return {"form": hidden[1], "code": code}


async def _enter(browser: Browser, code: str) -> tuple[int, str]:
    answer = await send(browser, await _fields(browser, code), "/voucher")
    return answer.status, answer.headers.get("Location") or await answer.text()


async def _used(records: Records) -> int:
    (batch,) = await records.read(vouchers.batches)
    return batch.used


async def test_a_voucher_opens_the_gate_for_its_length_and_for_nobodys_lead(
    browser: Browser, gate: GateDouble, records: Records, code: str
) -> None:
    assert await _enter(browser, f" {shown(code).lower()} ") == (303, "/online")
    session = gate.admitted[HERE]
    assert (session.method, session.seconds_granted, session.lead_id) == ("voucher", 7200, None)
    assert re.search(r"2<small> h</small> 0", await (await browser.get("/online")).text())
    assert await rows(records, "SELECT 1 FROM leads") == []


async def test_a_second_tap_makes_no_second_use(
    browser: Browser, gate: GateDouble, records: Records, code: str
) -> None:
    fields = await _fields(browser, code)
    answers = await asyncio.gather(*(send(browser, fields, "/voucher") for _ in range(4)))
    assert {answer.status for answer in answers} == {303}
    assert await _used(records) == 1
    assert len(gate.by_request) == 1


async def test_a_used_voucher_is_refused_with_a_sentence_at_the_field(
    browser: Browser, gate: GateDouble, code: str
) -> None:
    await _enter(browser, code)
    status, page = await _enter(browser, code)
    assert status == 422
    assert "used up" in page
    assert 'aria-describedby="code-error"' in page
    assert f'value="{code}"' in page


async def test_the_staff_code_of_today_admits_for_a_shift_and_yesterdays_does_not(
    browser: Browser, gate: GateDouble, clock: FakeClock
) -> None:
    code = browser.app[SITE].staff_code.today()
    clock.advance(24 * 3600)
    status, page = await _enter(browser, code)
    assert (status, "do not know this code" in page) == (422, True)
    assert await _enter(browser, browser.app[SITE].staff_code.today()) == (303, "/online")
    assert (gate.admitted[HERE].method, gate.admitted[HERE].seconds_granted) == ("staff_code", 36_000)


@pytest.mark.parametrize("typed", ["", "  ", "12345", "hello", "BCDFGHKM", "x" * 500, "<script>"])
async def test_what_is_no_code_is_said_at_the_field_and_costs_no_try(browser: Browser, typed: str) -> None:
    for _ in range(8):
        status, page = await _enter(browser, typed)
        assert status == 422
        assert 'id="code-error"' in page
        assert "<script>" not in page


async def test_guessing_is_stopped_and_the_right_code_too_until_the_minute_is_over(
    browser: Browser, clock: FakeClock, code: str
) -> None:
    said = [(await _enter(browser, "BBBBBBBBB"))[0] for _ in range(6)]
    assert said == [422] * 5 + [429]
    answer = await send(browser, await _fields(browser, code), "/voucher")
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert "too often" in await answer.text()
    clock.advance(61)
    assert await _enter(browser, code) == (303, "/online")


async def test_with_the_gate_down_the_use_is_kept_and_the_page_waits(
    browser: Browser, gate: GateDouble, records: Records, code: str
) -> None:
    fields = await _fields(browser, code)
    await gate.stop()
    assert (await send(browser, fields, "/voucher")).status == 303
    waiting = await browser.get("/online")
    assert waiting.status == 202
    assert "Your code is good" in await waiting.text()
    await gate.start()
    assert (await browser.get("/online")).status == 200
    assert await _used(records) == 1


@pytest.mark.parametrize("power_fails", [False, True])
async def test_a_use_the_gate_never_granted_is_not_lost(
    browser: Browser, gate: GateDouble, records: Records, clock: FakeClock, code: str, power_fails: bool
) -> None:
    fields = await _fields(browser, code)
    await gate.stop()
    await send(browser, fields, "/voucher")
    clock.advance(60 if power_fails else 600)
    if power_fails:
        clock.boot_id = "22222222-2222-4222-8222-222222222222"
    await gate.start()
    assert await _enter(browser, code) == (303, "/online")
    assert gate.admitted[HERE].method == "voucher"
    assert await _used(records) == 1


async def test_a_use_that_was_granted_is_not_given_back(
    browser: Browser, gate: GateDouble, clock: FakeClock, code: str
) -> None:
    await _enter(browser, code)
    gate.admitted.clear()
    clock.advance(600)
    assert (await _enter(browser, code))[0] == 422
    await gate.stop()
    assert (await _enter(browser, code))[0] == 422


async def test_with_the_records_locked_nothing_is_used_and_the_code_stays_on_the_page(
    browser: Browser, config: Config, records: Records, code: str
) -> None:
    fields = await _fields(browser, code)
    with sqlite3.connect(config.venue.data_dir / "records.db") as other:
        await records.write(lambda connection: connection.execute("PRAGMA busy_timeout = 0"))
        other.execute("BEGIN IMMEDIATE")
        answer = await send(browser, fields, "/voucher")
        assert answer.status == 503
        assert f'value="{code}"' in await answer.text()
        other.rollback()
    assert (await send(browser, fields, "/voucher")).status == 303
    assert await _used(records) == 1


async def test_no_voucher_is_used_up_where_it_would_not_help(
    browser: Browser, gate: GateDouble, records: Records, clock: FakeClock, code: str
) -> None:
    for why in ("blocked", "quota"):
        gate.says = {"why": why}
        assert await _enter(browser, code) == (303, "/")
    gate.says = {"why": "closed", "opens_at": clock.now() + timedelta(hours=2)}
    status, page = await _enter(browser, code)
    assert (status, "when we open again" in page) == (409, True)
    gate.says = {}
    gate.known.clear()
    status, page = await _enter(browser, code)
    assert (status, "switch WiFi off and on" in page) == (409, True)
    assert await _used(records) == 0


async def test_staff_come_in_before_the_doors_open(
    browser: Browser, gate: GateDouble, clock: FakeClock
) -> None:
    gate.says = {"why": "closed", "opens_at": clock.now() + timedelta(hours=2)}
    assert await _enter(browser, browser.app[SITE].staff_code.today()) == (303, "/online")


async def test_a_form_that_is_not_this_one_is_asked_for_once_more(
    browser: Browser, records: Records, code: str
) -> None:
    page = await (await browser.get("/register")).text()
    other = re.search(r'name="form" value="([^"]+)"', page)
    assert other
    for form in ("", "forged", other[1]):
        answer = await send(browser, {"form": form, "code": code}, "/voucher")
        assert answer.status == 422
        assert "press the button once more" in await answer.text()
    assert await _used(records) == 0


async def test_no_other_website_types_a_code(browser: Browser, records: Records, code: str) -> None:
    fields = await _fields(browser, code)
    for foreign in FOREIGN:
        if foreign.get("Origin") != "null":
            assert (await browser.post("/voucher", data=fields, headers=foreign)).status == 403
    assert await _used(records) == 0


async def test_a_no_of_the_gate_loses_no_use(
    browser: Browser, gate: GateDouble, records: Records, clock: FakeClock, code: str
) -> None:
    gate.refusal = Refusal(key="full", message="the gate is full")
    assert await _enter(browser, code) == (303, "/online")
    gate.refusal = None
    clock.advance(600)
    assert await _enter(browser, code) == (303, "/online")
    assert await _used(records) == 1
