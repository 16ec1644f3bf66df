"""A few slow minutes."""

import re
from dataclasses import replace

import pytest

from netctl.api import Refusal, TakePass, parse_ip
from tests.unit.portal.conftest import FOREIGN, Browser, fill_in, send
from tests.unit.portal.gate import GateDouble

HERE = parse_ip("127.0.0.1")


async def test_the_button_is_there_while_some_are_left_and_leads_to_a_page_that_waits(
    browser: Browser, gate: GateDouble
) -> None:
    assert 'action="/pass"' not in await (await browser.get("/")).text()
    gate.says = {"passes_left": 2}
    assert "5 slow minutes" in await (await browser.get("/")).text()
    started = await send(browser, {}, "/pass")
    assert (started.status, started.headers["Location"]) == (303, "/pass")
    page = await (await browser.get("/pass")).text()
    assert re.search(r"5<small> min</small>", page)
    assert 'http-equiv="refresh" content="20;url=/pass"' in page
    assert 'href="/register"' in page


async def test_a_second_tap_takes_no_second_pass(browser: Browser, gate: GateDouble) -> None:
    for _ in range(2):
        assert (await send(browser, {}, "/pass")).status == 303
    assert len(gate.admitted) == 1


async def test_at_its_end_the_page_looks_once_more_and_leads_back_to_the_splash(
    browser: Browser, gate: GateDouble
) -> None:
    await send(browser, {}, "/pass")
    gate.admitted[HERE] = replace(gate.admitted[HERE], seconds_left=4)
    page = await (await browser.get("/pass")).text()
    assert 'content="5;url=/pass"' in page
    assert re.search(r"1<small> min</small>", page)
    gate.admitted.clear()
    gate.says = {"why": "pass_over"}
    over = await browser.get("/pass", allow_redirects=False)
    assert (over.status, over.headers["Location"]) == (303, "/")
    assert "Your few minutes are over" in await (await browser.get("/")).text()


async def test_who_registers_meanwhile_is_online_for_longer(browser: Browser, gate: GateDouble) -> None:
    await send(browser, {}, "/pass")
    gate.refusal = Refusal(key="filter_failed", message="not just now")
    await send(browser, await fill_in(browser))
    gate.refusal = None
    assert re.search(r"12<small> h</small>", await (await browser.get("/online")).text())
    waiting = await browser.get("/pass", allow_redirects=False)
    assert (waiting.status, waiting.headers["Location"]) == (303, "/online")


async def test_on_a_pass_online_is_the_page_that_waits(browser: Browser) -> None:
    await send(browser, {}, "/pass")
    answer = await browser.get("/online", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/pass")
    assert 'href="/pass"' in await (await browser.get("/")).text()


async def test_when_the_line_goes_down_meanwhile_the_page_says_so(browser: Browser, gate: GateDouble) -> None:
    await send(browser, {}, "/pass")
    assert "internet line" not in await (await browser.get("/pass")).text()
    gate.says = {"uplink": False}
    assert "internet line is down" in await (await browser.get("/pass")).text()


async def test_when_all_are_used_up_she_is_told_what_helps(browser: Browser, gate: GateDouble) -> None:
    gate.refusal = Refusal(key="pass_used_up", message="three a day")
    answer = await send(browser, {}, "/pass")
    assert answer.status == 409
    assert "Register" in await answer.text()


@pytest.mark.parametrize("key", ["closed", "blocked", "quota"])
async def test_what_the_splash_explains_is_left_to_the_splash(
    browser: Browser, gate: GateDouble, key: str
) -> None:
    gate.refusal = Refusal(key=key, message="no")
    answer = await send(browser, {}, "/pass")
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_a_station_nobody_knows_is_told_what_to_do(browser: Browser, gate: GateDouble) -> None:
    gate.refusal = Refusal(key="unknown_station", message="no lease")
    answer = await send(browser, {}, "/pass")
    assert answer.status == 409
    assert "switch WiFi off and on" in await answer.text()


async def test_no_other_website_spends_her_minutes(browser: Browser, gate: GateDouble) -> None:
    for foreign in FOREIGN:
        assert (await browser.post("/pass", headers=foreign)).status == 403
    assert not [asked for asked in gate.asked if isinstance(asked, TakePass)]


async def test_without_the_gate_nothing_is_claimed(browser: Browser, gate: GateDouble) -> None:
    await gate.stop()
    for answer in (await send(browser, {}, "/pass"), await browser.get("/pass")):
        assert answer.status == 503
