"""RFC 8908."""

import json
from datetime import timedelta
from typing import Any

import pytest

from netctl.api import parse_ip
from tests.clock import FakeClock
from tests.unit.portal.conftest import Browser, fill_in, send
from tests.unit.portal.gate import GateDouble


async def _said(browser: Browser) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await (await browser.get("/capport/api")).text())
    return said


async def test_a_captive_phone_is_told_where_the_portal_is(browser: Browser) -> None:
    answer = await browser.get("/capport/api", headers={"Accept": "application/captive+json"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/captive+json"
    assert answer.headers["Cache-Control"] == "private"
    text = await answer.text()
    assert len(text) <= 4096
    said = json.loads(text)
    assert said["captive"] is True
    assert said["user-portal-url"] == "http://10.77.0.1/"
    assert "seconds-remaining" not in said


async def test_an_admitted_phone_is_told_for_how_long_and_how_much(
    browser: Browser, gate: GateDouble
) -> None:
    await send(browser, await fill_in(browser))
    said = await _said(browser)
    assert (said["captive"], said["seconds-remaining"]) == (False, 12 * 3600)
    assert "bytes-remaining" not in said
    gate.limit_bytes(parse_ip("127.0.0.1"), 30_000_000)
    assert (await _said(browser))["bytes-remaining"] == 30_000_000


async def test_an_allowed_till_is_not_captive_and_has_no_end(browser: Browser, gate: GateDouble) -> None:
    gate.says = {"captive": False, "why": "allowed"}
    said = await _said(browser)
    assert (said["captive"], said["can-extend-session"]) == (False, False)
    assert "seconds-remaining" not in said


@pytest.mark.parametrize("why", ["new", "expired", "idle", "pass_over", "signed_out", "expelled"])
async def test_who_may_come_in_again_is_told_so(browser: Browser, gate: GateDouble, why: str) -> None:
    gate.says = {"why": why}
    assert (await _said(browser))["can-extend-session"] is True


@pytest.mark.parametrize("why", ["closed", "blocked", "quota"])
async def test_who_may_not_is_promised_nothing(
    browser: Browser, gate: GateDouble, clock: FakeClock, why: str
) -> None:
    gate.says = {"why": why, "opens_at": clock.now() + timedelta(hours=1) if why == "closed" else None}
    assert (await _said(browser))["can-extend-session"] is False


async def test_an_unknown_phone_is_captive(browser: Browser, gate: GateDouble) -> None:
    gate.known.clear()
    assert (await _said(browser))["captive"] is True


async def test_of_a_silent_gate_a_phone_is_told_in_its_own_language_json(
    browser: Browser, gate: GateDouble
) -> None:
    await gate.stop()
    answer = await browser.get("/capport/api")
    assert answer.status == 503
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Retry-After"] == "3"
    said = json.loads(await answer.text())
    assert said["error"]["key"] == "gate_unavailable"
    assert "captive" not in said
