"""Splash, online, the way out."""

import re
from typing import Any

import pytest

from netctl.api import Refusal, parse_ip
from sync.records import admission
from tests.clock import FakeClock
from tests.unit.portal.conftest import FOREIGN, Browser, fill_in, send
from tests.unit.portal.gate import GateDouble

HERE = parse_ip("127.0.0.1")


async def test_the_splash_welcomes_and_shows_the_code_a_shopper_can_read_out(browser: Browser) -> None:
    page = await (await browser.get("/")).text()
    assert "Welcome to Jasmine Tea House" in page
    assert 'href="/register"' in page
    assert "KLMP" in page


async def test_the_splash_works_without_the_gate_and_for_unknown_stations(
    browser: Browser, gate: GateDouble
) -> None:
    gate.known.clear()
    unknown = await browser.get("/")
    await gate.stop()
    silent = await browser.get("/")
    for answer in (unknown, silent):
        assert answer.status == 200
        assert 'href="/register"' in await answer.text()


async def test_whoever_is_admitted_sees_how_long_and_can_sign_out(browser: Browser, gate: GateDouble) -> None:
    await send(browser, await fill_in(browser))
    page = await (await browser.get("/online")).text()
    assert re.search(r"12<small> h</small> 0<small> min</small>", page)
    assert 'action="/sign-out"' in page
    assert 'href="/online"' in await (await browser.get("/")).text()
    out = await send(browser, {}, "/sign-out")
    assert (out.status, out.headers["Location"]) == (303, "/")
    assert gate.admitted == {}


async def test_whoever_signed_out_is_not_let_in_again_by_the_old_form(
    browser: Browser, gate: GateDouble
) -> None:
    fields = await fill_in(browser)
    await send(browser, fields)
    await send(browser, {}, "/sign-out")
    assert (await send(browser, fields)).status == 303
    online = await browser.get("/online", allow_redirects=False)
    assert (online.status, online.headers["Location"]) == (303, "/")
    assert gate.admitted == {}


async def test_a_captive_station_is_sent_from_online_to_the_splash(browser: Browser) -> None:
    answer = await browser.get("/online", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_signing_out_twice_is_no_error_but_another_website_cannot_do_it(
    browser: Browser, gate: GateDouble
) -> None:
    await send(browser, await fill_in(browser))
    for foreign in FOREIGN:
        assert (await browser.post("/sign-out", headers=foreign)).status == 403
    assert HERE in gate.admitted
    ours = {"Origin": str(browser.make_url("/")).rstrip("/")}
    for _ in range(2):
        assert (await browser.post("/sign-out", headers=ours, allow_redirects=False)).status == 303
    assert gate.admitted == {}


async def test_a_station_the_gate_does_not_know_is_told_what_to_do(
    browser: Browser, gate: GateDouble
) -> None:
    fields = await fill_in(browser)
    gate.known.clear()
    gate.refusal = Refusal(key="unknown_station", message="no lease")
    assert (await send(browser, fields)).status == 303
    answer = await browser.get("/online")
    assert answer.status == 409
    assert "switch WiFi off and on" in await answer.text()


async def test_a_refusal_of_the_gate_is_said_and_does_not_last_for_ever(
    browser: Browser, gate: GateDouble, clock: FakeClock
) -> None:
    gate.refusal = Refusal(key="full", message="the gate is full")
    await send(browser, await fill_in(browser))
    answer = await browser.get("/online")
    assert answer.status == 409
    assert "ask our staff" in await answer.text()
    clock.advance(admission.GOOD_FOR_SECONDS + 1)
    assert (await browser.get("/online", allow_redirects=False)).status == 303


@pytest.mark.parametrize("key", ["filter_failed", "records_unavailable"])
async def test_what_the_gate_mends_by_itself_is_waited_for(
    browser: Browser, gate: GateDouble, key: str
) -> None:
    gate.refusal = Refusal(key=key, message="not just now")
    await send(browser, await fill_in(browser))
    assert (await browser.get("/online")).status == 202
    gate.refusal = None
    assert (await browser.get("/online")).status == 200


@pytest.mark.parametrize("path", ["/online", "/sign-out"])
async def test_without_the_gate_nothing_is_claimed(browser: Browser, gate: GateDouble, path: str) -> None:
    await gate.stop()
    answer = await (browser.get(path) if path == "/online" else browser.post(path))
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "3"


async def test_the_language_chosen_by_a_link_stays_through_the_whole_visit(browser: Browser) -> None:
    splash = await (await browser.get("/?lang=zh-CN", headers={"Accept-Language": "en"})).text()
    assert 'lang="zh-CN"' in splash
    assert 'href="/register?lang=zh-CN"' in splash
    fields = await fill_in(browser, "zh-CN")
    answer = await send(browser, fields, "/register?lang=zh-CN")
    assert answer.headers["Location"] == "/online?lang=zh-CN"


async def test_the_end_of_the_access_shows_the_way_back_in(browser: Browser) -> None:
    assert 'href="/register"' in await (await browser.get("/expired")).text()


class TestTheOwnersLaptop:
    @pytest.fixture
    def settings(self) -> dict[str, dict[str, Any]]:
        return {"network": {"owner_address": "127.0.0.1/8"}}

    async def test_is_led_to_her_numbers_and_not_asked_to_register(self, browser: Browser) -> None:
        answer = await browser.get("/", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/owner")
