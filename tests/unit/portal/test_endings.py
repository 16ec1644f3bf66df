"""The pages that say how things stand, and why the access ended."""

from datetime import UTC, datetime
from typing import Any

import pytest

from netctl.api import Refusal, parse_ip
from tests.unit.portal.conftest import Browser, fill_in, send
from tests.unit.portal.gate import GateDouble

HERE = parse_ip("127.0.0.1")
TOMORROW_9 = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh-CN"])


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    return {"limits": {"day_megabytes": 500, "opening_hours": "Mo-Su 09:00-21:00"}}


async def _page(browser: Browser, path: str, language: str = "en") -> str:
    answer = await browser.get(path, params={"lang": language}, allow_redirects=False)
    assert answer.status == 200
    return await answer.text()


@LANGUAGES
async def test_a_closed_store_says_on_its_splash_when_it_opens(
    browser: Browser, gate: GateDouble, language: str
) -> None:
    gate.says = {"why": "closed", "opens_at": TOMORROW_9, "passes_left": 3}
    page = await _page(browser, "/", language)
    assert "09:00" in page
    assert ("Nov 24" in page) if language == "en" else ("11月24日" in page)
    assert 'href="/register' not in page
    assert 'action="/pass' not in page
    assert 'href="/voucher' in page


async def test_who_registered_before_the_doors_opened_is_shown_when_they_do(
    browser: Browser, gate: GateDouble
) -> None:
    gate.says = {"why": "closed", "opens_at": TOMORROW_9}
    gate.refusal = Refusal(key="closed", message="not now")
    await send(browser, await fill_in(browser))
    answer = await browser.get("/online", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert "09:00" in await _page(browser, "/")


async def test_a_blocked_device_is_led_to_the_staff_with_its_code(browser: Browser, gate: GateDouble) -> None:
    gate.says = {"why": "blocked"}
    page = await _page(browser, "/")
    assert "ask our staff" in page
    assert "KLMP" in page
    assert 'href="/register' not in page


@LANGUAGES
async def test_used_up_data_have_a_page_that_says_when_there_is_more(
    browser: Browser, gate: GateDouble, language: str
) -> None:
    gate.says = {"why": "quota"}
    assert 'href="/quota' in await _page(browser, "/", language)
    page = await _page(browser, "/quota", language)
    assert "500 MB" in page
    assert "00:00" in page
    expired = await browser.get("/expired", allow_redirects=False)
    assert (expired.status, expired.headers["Location"]) == (303, "/quota")


async def test_who_has_data_left_is_not_told_that_they_are_used_up(browser: Browser) -> None:
    answer = await browser.get("/quota", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


@LANGUAGES
@pytest.mark.parametrize("why", ["expired", "idle", "expelled", "pass_over", "signed_out", "closed"])
async def test_an_ended_access_says_why_and_leads_back_in(
    browser: Browser, gate: GateDouble, why: str, language: str
) -> None:
    gate.says = {"why": why}
    page = await _page(browser, "/expired", language)
    assert 'href="/register' in page
    gate.says = {"why": "idle" if why == "expired" else "expired"}
    assert await _page(browser, "/expired", language) != page


async def test_while_we_are_closed_the_page_leads_nowhere_that_fails(
    browser: Browser, gate: GateDouble
) -> None:
    gate.says = {"why": "closed", "opens_at": TOMORROW_9}
    page = await _page(browser, "/expired")
    assert 'href="/register' not in page
    assert "09:00" in page


async def test_who_was_never_online_is_not_told_that_her_time_is_up(browser: Browser) -> None:
    answer = await browser.get("/expired", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_the_pages_work_while_the_gate_is_silent(browser: Browser, gate: GateDouble) -> None:
    await gate.stop()
    assert 'href="/register' in await _page(browser, "/expired")
    assert "00:00" in await _page(browser, "/quota")


@LANGUAGES
async def test_with_the_line_down_the_splash_says_so_and_online_looks_again(
    browser: Browser, gate: GateDouble, language: str
) -> None:
    gate.says = {"uplink": False}
    splash = await _page(browser, "/", language)
    assert ("internet line is down" in splash) if language == "en" else ("线路暂时中断" in splash)
    assert 'href="/register' in splash
    await send(browser, await fill_in(browser, language), f"/register?lang={language}")
    online = await _page(browser, "/online", language)
    assert 'http-equiv="refresh" content="15;url=/online' in online
    assert ("internet line is down" in online) if language == "en" else ("线路暂时中断" in online)
    gate.says = {}
    assert "refresh" not in await _page(browser, "/online", language)


async def test_whoever_has_a_days_data_sees_what_is_left(browser: Browser, gate: GateDouble) -> None:
    await send(browser, await fill_in(browser))
    assert "Data left" not in await _page(browser, "/online")
    gate.limit_bytes(HERE, 123_900_000)
    assert "123 MB" in await _page(browser, "/online")


async def test_a_till_needs_no_session_to_see_that_it_is_online(browser: Browser, gate: GateDouble) -> None:
    gate.says = {"captive": False, "why": "allowed"}
    page = await _page(browser, "/online")
    assert "You are online" in page
    assert "/sign-out" not in page
